import Foundation

extension BPETokenizer {
    private static let vocabularyFile = "vocab.json"
    private static let mergesFile = "merges.txt"
    private static let mergesHeader = "#version"

    /// Reads `vocab.json` and `merges.txt` of a model folder.
    ///
    /// - Throws: ``IOIError`` naming the file, and the line of `merges.txt`, if one is missing, unreadable or malformed,
    ///   or as ``init(vocabulary:merges:)`` does.
    public init(directory: URL) throws {
        let vocabularyURL = directory.appendingPathComponent(Self.vocabularyFile)
        let mergesURL = directory.appendingPathComponent(Self.mergesFile)
        let vocabulary = try InputFile.decode([String: WholeNumber].self, from: vocabularyURL)
        let (pairs, lines) = try Self.pairs(in: Array(InputFile.read(mergesURL)), file: mergesURL.path)
        try self.init(
            vocabulary.mapValues(\.value), merges: pairs, vocabularyName: vocabularyURL.path,
            mergeName: { "\(mergesURL.path): line \(lines[$0])" }
        )
    }

    /// Writes `vocab.json` and `merges.txt`, which Hugging Face's `GPT2Tokenizer` and `GPT2TokenizerFast` load. The folder
    /// is created if missing.
    ///
    /// - Throws: ``IOIError`` naming the file that cannot be written.
    public func write(to directory: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let vocabulary = try encoder.encode(Dictionary(uniqueKeysWithValues: zip(tokens, tokens.indices)))
        let pairs = mergePairs.map { "\(tokens[Int($0.left)]) \(tokens[Int($0.right)])\n" }
        do {
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        } catch {
            throw IOIError("\(directory.path): cannot be made: \(error.localizedDescription)")
        }
        let merges = Data("\(Self.mergesHeader): 0.2\n\(pairs.joined())".utf8)
        try AtomicFile.write(vocabulary, to: directory.appendingPathComponent(Self.vocabularyFile))
        try AtomicFile.write(merges, to: directory.appendingPathComponent(Self.mergesFile))
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
