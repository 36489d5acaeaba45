import Foundation

/// Reads prompts files: those that the program wrote, and a user's own.
///
/// Only `text`, `io` and `s` have to stand in a line where a tokenizer is at hand to derive the rest; where
/// `tokens` stand they are used as they are. Everything that is used is checked, and what is wrong is named
/// by file, line and field.
public struct PromptReader: Sendable {
    /// Derives what is missing; not needed for a file that the program wrote.
    public var tokenizer: BPETokenizer?
    /// Draws the names of counterfactuals that are missing, with seed 0 and the line's index.
    public var names: NameList?
    /// Which counterfactual is derived where `abc_tokens` and `abc_text` are missing.
    public var counterfactual: Counterfactual
    /// Whether derived tokens begin with the tokenizer's end-of-text token.
    public var beginningOfText: Bool
    /// Token ids have to be below it.
    public var vocabularySize: Int?
    /// Prompts cannot have more tokens.
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

    /// The prompts of a file and its bytes.
    ///
    /// The dataset is named as its prompts say, or as the file where they differ.
    ///
    /// - Throws: ``IOIError``.
    public func dataset(contentsOf file: URL) throws -> Dataset {
        let bytes = try InputFile.read(file, limit: .max)
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        while let last = lines.last, last.allSatisfy(Self.isBlank) { lines.removeLast() }
        guard !lines.isEmpty else { throw IOIError("\(file.path): is empty, expected one prompt a line") }
        let records = try lines.enumerated().map { index, line in
            let source = "\(file.path) line \(index + 1)"
            guard !line.allSatisfy(Self.isBlank) else {
                throw IOIError("\(source): is blank, expected a prompt")
            }
            return try PromptRecord(Data(line), source: source)
        }
        let nameTokens = try nameTokens(for: records)
        let prompts = try records.enumerated().map { index, record in
            try PromptDerivation(reader: self, record: record, index: index, nameTokens: nameTokens).prompt()
        }
        let datasets = Set(prompts.map(\.dataset))
        return Dataset(
            name: datasets.count == 1 ? prompts[0].dataset : file.deletingPathExtension().lastPathComponent,
            seed: nil,
            prompts: prompts,
            jsonLines: bytes
        )
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0d
    }

    /// What names are drawn from, where a line needs it and there is a list and a tokenizer.
    private func nameTokens(for records: [PromptRecord]) throws -> [Int] {
        guard let tokenizer, let names, counterfactual.drawsNames,
            records.contains(where: { $0.abcTokens == nil && $0.abcText == nil })
        else { return [] }
        let list = Word.List(source: names.source, kind: "name", entries: names.names)
        return try Word.tokenized([list], by: tokenizer)[0].map(\.token)
    }
}
