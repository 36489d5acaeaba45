/// GPT-2's byte-level BPE tokenizer (Radford et al. 2019). It gives the same ids as Hugging Face's `GPT2Tokenizer`.
public struct BPETokenizer: Sendable, Equatable {
    /// The token between documents.
    static let endOfTextToken = "<|endoftext|>"

    /// The tokens by id, in byte symbols; added ones as they are written.
    private(set) var tokens: [String]
    /// The pair of tokens that each merge joins, by rank.
    let mergePairs: [(left: Int32, right: Int32)]
    private let merges: MergeTable
    /// The token of each single byte.
    private let byteTokens: [Int32]
    /// The tokens that were added to the vocabulary, by id.
    private(set) var added: Set<Int32>
    /// The tokens that a text is split at before anything else: `<|endoftext|>` and those that were added.
    private var markers: [TextSections.Marker]

    /// The id of `<|endoftext|>`, if the vocabulary has it.
    public let endOfText: Int?

    public static func == (a: BPETokenizer, b: BPETokenizer) -> Bool {
        a.tokens == b.tokens && a.mergePairs.elementsEqual(b.mergePairs, by: ==)
    }

    /// The number of tokens: the largest id + 1.
    public var vocabularySize: Int { tokens.count }

    /// The tokens that were added to the vocabulary after it was made, such as `[PAD]`, by id.
    public var addedTokens: [String] { added.sorted().map { tokens[Int($0)] } }

    /// A tokenizer from the contents of `vocab.json` and `merges.txt`.
    ///
    /// - Parameters:
    ///   - vocabulary: the id of each token, in byte symbols (`Ġ` for a space, …).
    ///   - merges: the pairs of tokens to join, by rank.
    /// - Throws: ``IOIError`` if the ids are not 0, 1, 2, …, a byte symbol is missing, a merge repeats, or its parts or
    ///   result are not in the vocabulary.
    public init(vocabulary: [String: Int], merges: [(String, String)]) throws {
        try self.init(vocabulary, merges: merges, vocabularyName: "vocabulary", mergeName: { "merge \($0 + 1)" })
    }

    /// - Parameters:
    ///   - more: added tokens and their ids; the vocabulary may have them already.
    ///   - vocabularyName: names the vocabulary in errors.
    ///   - mergeName: names the merge of an index in errors.
    init(
        _ ids: [String: Int],
        merges pairs: [(String, String)],
        added more: [(token: String, id: Int)] = [],
        vocabularyName: String,
        mergeName: (Int) -> String
    ) throws {
        var all = ids
        for (token, id) in more {
            if let other = all.updateValue(id, forKey: token), other != id {
                throw IOIError("\(vocabularyName): token \(token.quoted) has id \(other), but is added as \(id)")
            }
        }
        let vocabulary = try Vocabulary(all, name: vocabularyName)
        byteTokens = try ByteSymbols.symbols.enumerated().map { byte, symbol in
            guard let id = vocabulary.id(of: String(symbol)) else {
                throw IOIError(
                    "\(vocabularyName): no token \"\(symbol)\", expected one for each byte, this for \(byte)"
                )
            }
            return id
        }

        var merges = MergeTable(capacity: pairs.count)
        mergePairs = try pairs.enumerated().map { index, pair in
            func id(of token: String) throws -> Int32 {
                guard let id = vocabulary.id(of: token) else {
                    throw IOIError("\(mergeName(index)): \(token.debugDescription) is not a token of the vocabulary")
                }
                return id
            }
            let (left, right) = (try id(of: pair.0), try id(of: pair.1))
            guard merges.append(left, right, result: try id(of: pair.0 + pair.1)) else {
                let shown = "\(pair.0) \(pair.1)".debugDescription
                throw IOIError("\(mergeName(index)): \(shown) appears a second time")
            }
            return (left, right)
        }

        self.merges = merges
        tokens = vocabulary.tokens
        endOfText = vocabulary.id(of: Self.endOfTextToken).map { Int($0) }
        added = Set(more.filter { ids[$0.token] == nil && $0.token != Self.endOfTextToken }.map { Int32($0.id) })
        let whole = Set(more.map(\.id) + [endOfText].compactMap { $0 })
        markers = TextSections.markers(whole.map { (vocabulary.tokens[$0], $0) })
    }

    /// The ids of a text's tokens. `<|endoftext|>` and added tokens in the text become their own ids.
    public func encode(_ text: String) -> [Int] {
        let bytes = Array(text.utf8)
        var ids: [Int] = []
        var merger = PieceMerger(byteTokens: byteTokens)
        for section in TextSections(bytes, at: markers) {
            if let token = section.token {
                ids.append(token)
                continue
            }
            for piece in Pretokenizer(bytes[section.range]) {
                merger.merge(bytes[piece], by: merges, into: &ids)
            }
        }
        return ids
    }

    /// The text of tokens. As in Hugging Face's tokenizer, invalid UTF-8 becomes U+FFFD and ids outside the vocabulary
    /// are skipped.
    public func decode(_ ids: [Int]) -> String {
        var bytes: [UInt8] = []
        for id in ids where tokens.indices.contains(id) {
            bytes.append(contentsOf: ByteSymbols.bytes(for: tokens[id]))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The id of a text that is exactly one token; nil for any other text.
    public func token(for text: String) -> Int? {
        let ids = encode(text)
        return ids.count == 1 ? ids[0] : nil
    }
}

extension BPETokenizer {
    /// The tokenizer without the tokens of ids from `count` on, which a model of a smaller vocabulary has no rows for.
    ///
    /// - Returns: nil if one of them was not added.
    func limited(to count: Int) -> BPETokenizer? {
        guard vocabularySize > count else { return self }
        guard (count..<vocabularySize).allSatisfy({ added.contains(Int32($0)) }) else { return nil }
        var limited = self
        limited.tokens.removeSubrange(count...)
        limited.added = added.filter { $0 < count }
        limited.markers = markers.filter { $0.token < count }
        return limited
    }

    /// How the tokens that two tokenizers both have ids for differ; nil if they do not.
    ///
    /// - Parameter other: the other tokenizer, which the text calls the expected one.
    package func difference(from other: BPETokenizer) -> String? {
        if let id = zip(tokens, other.tokens).enumerated().first(where: { $1.0 != $1.1 })?.offset {
            return "found \(tokens[id].quoted) as token \(id), expected \(other.tokens[id].quoted)"
        }
        guard !mergePairs.elementsEqual(other.mergePairs, by: ==) else { return nil }
        let first = zip(mergePairs, other.mergePairs).enumerated().first { $1.0 != $1.1 }?.offset
        return
            "found the same tokens, but other merges from merge \((first ?? min(mergePairs.count, other.mergePairs.count)) + 1) on"
    }
}

/// The tokens of a tokenizer, in byte symbols, with their ids 0, 1, 2, …
///
/// No byte symbol is canonically equivalent to others, so strings of them compare equal only if they are identical.
/// Only added tokens could clash, which would leave a gap in the ids.
struct Vocabulary: Sendable {
    /// The tokens by id.
    let tokens: [String]
    private let ids: [String: Int]

    /// - Parameter name: names the vocabulary in errors.
    /// - Throws: ``IOIError`` if the ids are not 0, 1, 2, … in some order.
    init(_ ids: [String: Int], name: String) throws {
        let entries = ids.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        for (expected, (token, id)) in entries.enumerated() where id != expected {
            throw IOIError(
                "\(name): token \(token.quoted) has id \(id), expected \(expected): "
                    + "the ids must be 0 to \(entries.count - 1), each once"
            )
        }
        self.ids = ids
        tokens = entries.map(\.key)
    }

    func id(of token: String) -> Int32? {
        ids[token].map { Int32($0) }
    }
}
