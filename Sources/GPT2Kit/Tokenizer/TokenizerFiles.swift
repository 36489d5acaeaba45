import Foundation

extension BPETokenizer {
    private static let vocabularyFile = "vocab.json"
    private static let mergesFile = "merges.txt"
    private static let addedFile = "added_tokens.json"
    private static let wholeFile = "tokenizer.json"
    private static let settingsFile = "tokenizer_config.json"
    private static let mergesHeader = "#version"

    /// The first of the files that a folder's tokenizer would be read from; nil if it has none.
    package static func file(in folder: URL) -> URL? {
        [vocabularyFile, mergesFile, wholeFile].map { folder.appendingPathComponent($0) }.first {
            FileManager.default.fileExists(atPath: $0.path)
        }
    }

    /// Reads the tokenizer of a model folder: `vocab.json` and `merges.txt`, with the tokens that `tokenizer.json` or
    /// `added_tokens.json` add, or `tokenizer.json` alone.
    ///
    /// - Throws: ``IOIError`` naming the file, and the line of `merges.txt`, if one is missing, unreadable or malformed,
    ///   gives other tokens than GPT-2's rules, or as ``init(vocabulary:merges:)`` does.
    public init(directory: URL) throws {
        func file(_ name: String) -> URL? {
            let url = directory.appendingPathComponent(name)
            return FileManager.default.fileExists(atPath: url.path) ? url : nil
        }
        if let settings = file(Self.settingsFile) { try Self.refuseOtherSettings(settings) }
        let whole = file(Self.wholeFile)
        let document = try whole.map {
            try InputFile.decode(TokenizerJSON.self, from: InputFile.readText($0), path: $0.path)
        }
        var added = document.map { $0.added.map { ($0.content, $0.id.value) } } ?? []
        if let whole, let document, file(Self.vocabularyFile) == nil || file(Self.mergesFile) == nil {
            try self.init(
                document.vocabulary, merges: document.merges, added: added, vocabularyName: whole.path,
                mergeName: { "\(whole.path): merge \($0 + 1)" }
            )
            return
        }
        if document == nil, let more = file(Self.addedFile) {
            let ids = try InputFile.decode([String: WholeNumber].self, from: InputFile.readText(more), path: more.path)
            added = ids.map { ($0.key, $0.value.value) }
        }
        let vocabularyURL = directory.appendingPathComponent(Self.vocabularyFile)
        let mergesURL = directory.appendingPathComponent(Self.mergesFile)
        let vocabulary = try InputFile.decode(
            [String: WholeNumber].self, from: InputFile.readText(vocabularyURL), path: vocabularyURL.path
        )
        let (pairs, lines) = try Self.pairs(in: Array(InputFile.readText(mergesURL)), file: mergesURL.path)
        try self.init(
            vocabulary.mapValues(\.value), merges: pairs, added: added, vocabularyName: vocabularyURL.path,
            mergeName: { "\(mergesURL.path): line \(lines[$0])" }
        )
    }

    /// Refuses a `tokenizer_config.json` under which `transformers` puts something before each text.
    private static func refuseOtherSettings(_ url: URL) throws {
        struct Settings: Decodable {
            let addsSpace, addsBeginning: Bool?

            enum CodingKeys: String, CodingKey {
                case addsSpace = "add_prefix_space"
                case addsBeginning = "add_bos_token"
            }
        }
        let settings = try InputFile.decode(Settings.self, from: InputFile.readText(url), path: url.path)
        for (name, value) in [
            ("add_prefix_space", settings.addsSpace), ("add_bos_token", settings.addsBeginning),
        ] where value == true {
            throw IOIError("\(url.path): \(name): found true, expected false: save the tokenizer with \(name)=False")
        }
    }

    /// Writes `vocab.json` and `merges.txt`, which Hugging Face's `GPT2Tokenizer` and `GPT2TokenizerFast` load, and
    /// `added_tokens.json` if tokens were added. The folder is created if missing.
    ///
    /// - Throws: ``IOIError`` naming the file that cannot be written.
    public func write(to directory: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        func ids(isAdded: Bool) throws -> Data {
            let ids = tokens.indices.filter { added.contains(Int32($0)) == isAdded }
            return try encoder.encode(Dictionary(uniqueKeysWithValues: ids.map { (tokens[$0], $0) }))
        }
        let pairs = mergePairs.map { "\(tokens[Int($0.left)]) \(tokens[Int($0.right)])\n" }
        do {
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        } catch {
            throw IOIError("\(directory.path): cannot be made: \(error.localizedDescription)")
        }
        let merges = Data("\(Self.mergesHeader): 0.2\n\(pairs.joined())".utf8)
        try AtomicFile.write(ids(isAdded: false), to: directory.appendingPathComponent(Self.vocabularyFile))
        try AtomicFile.write(merges, to: directory.appendingPathComponent(Self.mergesFile))
        guard !added.isEmpty else { return }
        try AtomicFile.write(ids(isAdded: true), to: directory.appendingPathComponent(Self.addedFile))
    }

    /// The pairs of tokens in `merges.txt`, and the line of each.
    private static func pairs(
        in bytes: [UInt8],
        file: String
    ) throws -> (pairs: [(String, String)], lines: [Int]) {
        var pairs: [(String, String)] = []
        var lines: [Int] = []
        let newline = UInt8(ascii: "\n")
        var content = bytes[...]
        if content.last == newline { content.removeLast() }
        let rows = content.isEmpty ? [] : content.split(separator: newline, omittingEmptySubsequences: false)
        for (index, row) in rows.enumerated() {
            let row = row.last == UInt8(ascii: "\r") ? row.dropLast() : row
            if row.starts(with: mergesHeader.utf8) { continue }
            let parts = row.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
                .compactMap { $0.isEmpty ? nil : String(validating: $0, as: UTF8.self) }
            guard parts.count == 2, row.count == parts[0].utf8.count + 1 + parts[1].utf8.count else {
                throw IOIError(
                    """
                    \(file): line \(index + 1): found \(String(decoding: row, as: UTF8.self).debugDescription), \
                    expected two tokens with a space between
                    """
                )
            }
            pairs.append((parts[0], parts[1]))
            lines.append(index + 1)
        }
        return (pairs, lines)
    }
}
