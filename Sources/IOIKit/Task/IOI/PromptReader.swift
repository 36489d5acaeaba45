import Foundation

/// Reads files of IOI prompts, written by ``PromptGenerator`` or by the user.
///
/// With a tokenizer a line needs only `text`, `io` and `s`; the rest is derived. Given `tokens` are used unchanged.
/// Everything is checked, and errors name file, line and field.
public struct PromptReader: Sendable {
    /// Derives missing fields; not needed for a complete file.
    public var tokenizer: BPETokenizer?
    /// The names of derived counterfactuals, drawn with seed 0 and the line's index.
    public var names: NameList?
    /// The counterfactual derived if `abc_tokens` and `abc_text` are missing.
    public var counterfactual: Counterfactual
    /// Whether derived tokens begin with `<|endoftext|>`.
    public var beginningOfText: Bool
    /// The bound on token ids, if known.
    public var vocabularySize: Int?
    /// The greatest length of a prompt in tokens, if known.
    public var contextLength: Int?
    /// What happens to prompts whose answers or positions are in doubt.
    public var irregular: IrregularPrompts

    public init(
        tokenizer: BPETokenizer? = nil,
        names: NameList? = nil,
        counterfactual: Counterfactual = .distinct,
        beginningOfText: Bool = false,
        vocabularySize: Int? = nil,
        contextLength: Int? = nil,
        irregular: IrregularPrompts = .warn
    ) {
        self.tokenizer = tokenizer
        self.names = names
        self.counterfactual = counterfactual
        self.beginningOfText = beginningOfText
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
        self.irregular = irregular
    }

    /// Reads a file. The dataset has the name its prompts give, or the file's if they differ.
    ///
    /// - Throws: `IOIError` naming the file, line and field that is missing or invalid.
    public func dataset(contentsOf file: URL) throws -> IOIDataset {
        let file = try PromptFile(file.path)
        guard case .ioi(let records) = file.records else { throw file.noIOI }
        return try dataset(records, of: file)
    }

    /// - Parameters:
    ///   - records: those of the file, or made of them.
    ///   - file: the file.
    ///   - field: the name of the counterfactual in the file, for errors.
    ///   - dropUnequal: whether prompts are left out whose counterfactual is of another length.
    func dataset(
        _ records: [PromptRecord],
        of file: PromptFile,
        field: String = "abc_tokens",
        dropUnequal: Bool = false
    ) throws -> IOIDataset {
        let isDrawing = records.contains { $0.abcTokens == nil && $0.abcText == nil }
        let nameTokens = try isDrawing ? nameTokens() : []
        let all = try records.enumerated().map { index, record in
            try PromptDerivation(reader: self, record: record, index: index, nameTokens: nameTokens).prompt()
        }
        let doubts = zip(records, all).compactMap { record, prompt in
            prompt.irregularity(isGivenTokens: record.tokens != nil, tokenizer).map { (record.source, $0) }
        }
        let irregular = try irregular.check(doubts, of: all.count)
        let prompts = try PromptFile.equal(all, of: records.map { ($0.source, field) }, dropping: dropUnequal) {
            ($0.tokens.count, $0.abcTokens?.count)
        }
        let datasets = Set(prompts.map(\.dataset))
        let isWhole = prompts.count == all.count
        return IOIDataset(
            name: datasets.count == 1 ? prompts[0].dataset : file.name, seed: nil, prompts: prompts,
            jsonLines: isWhole ? file.lines ?? PromptWriter.jsonLines(prompts) : PromptWriter.jsonLines(prompts),
            // Prompts may name others than the list, so its names need not all be single tokens.
            names: tokenizer.map { tokenizer in names?.names.compactMap { tokenizer.token(for: " " + $0) } ?? [] }
                ?? [],
            irregular: irregular
        )
    }

    /// The names to draw from; empty if none are drawn, or without a list or tokenizer.
    func nameTokens() throws -> [Int] {
        guard let tokenizer, let names, counterfactual.drawsNames else { return [] }
        let list = Word.List(source: names.source, kind: "name", entries: names.names)
        return try Word.tokenized([list], by: tokenizer)[0].map(\.token)
    }
}

/// A line of a prompts file, before it is checked: every field may be missing.
struct PromptRecord: Decodable {
    struct StatedPositions: Decodable {
        enum CodingKeys: String, CodingKey {
            case io = "IO"
            case s1 = "S1"
            case s1Next = "S1+1"
            case s2 = "S2"
            case end = "END"
        }

        var io, s1, s1Next, s2, end: WholeNumber?
    }

    typealias CodingKeys = IOIPrompt.CodingKeys

    /// File and line, for error messages.
    var source = ""
    var id: WholeNumber?
    var dataset: String?
    var template: Label?
    var order: String?
    var text: String?
    var tokens: [WholeNumber]?
    var answer: String?
    var answerToken: WholeNumber?
    var io: String?
    var ioToken: WholeNumber?
    var s: String?
    var sToken: WholeNumber?
    var place: String?
    var object: String?
    var positions: StatedPositions?
    var abcText: String?
    var abcTokens: [WholeNumber]?
}
