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

    public init(
        tokenizer: BPETokenizer? = nil,
        names: NameList? = nil,
        counterfactual: Counterfactual = .distinct,
        beginningOfText: Bool = false,
        vocabularySize: Int? = nil,
        contextLength: Int? = nil
    ) {
        self.tokenizer = tokenizer
        self.names = names
        self.counterfactual = counterfactual
        self.beginningOfText = beginningOfText
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
    }

    /// Reads a file. The dataset has the name its prompts give, or the file's if they differ.
    ///
    /// - Throws: `IOIError` naming the file, line and field that is missing or invalid.
    public func dataset(contentsOf file: URL) throws -> IOIDataset {
        let bytes = try InputFile.read(file, limit: .max)
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        while let last = lines.last, last.allSatisfy(Self.isBlank) { lines.removeLast() }
        guard !lines.isEmpty else { throw IOIError("\(file.path): found an empty file, expected one prompt per line") }
        let records = try lines.enumerated().map { index, line in
            let source = "\(file.path) line \(index + 1)"
            guard !line.allSatisfy(Self.isBlank) else {
                throw IOIError("\(source): found a blank line, expected a prompt")
            }
            return try PromptRecord(Data(line), source: source)
        }
        let isDrawing = records.contains { $0.abcTokens == nil && $0.abcText == nil }
        let nameTokens = try isDrawing ? nameTokens() : []
        let prompts = try records.enumerated().map { index, record in
            try PromptDerivation(reader: self, record: record, index: index, nameTokens: nameTokens).prompt()
        }
        let datasets = Set(prompts.map(\.dataset))
        return IOIDataset(
            name: datasets.count == 1 ? prompts[0].dataset : file.deletingPathExtension().lastPathComponent, seed: nil,
            prompts: prompts, jsonLines: bytes,
            // Prompts may name others than the list, so its names need not all be single tokens.
            names: tokenizer.map { tokenizer in names?.names.compactMap { tokenizer.token(for: " " + $0) } ?? [] } ?? []
        )
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0d
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
    private(set) var source = ""
    var id: WholeNumber?
    var dataset: String?
    var template: String?
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

extension PromptRecord {
    /// - Throws: `IOIError` if the line is not a JSON object or a field has the wrong type.
    init(_ line: Data, source: String) throws {
        self = try InputFile.decode(PromptRecord.self, from: line, path: source)
        self.source = source
    }
}
