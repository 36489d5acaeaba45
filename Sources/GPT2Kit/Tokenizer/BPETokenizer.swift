/// GPT-2's byte-level BPE tokenizer (Radford et al. 2019): the ids of Hugging Face's `GPT2Tokenizer` for any text.
public struct BPETokenizer: Sendable, Equatable {
    /// The text of the token that ends a document.
    static let endOfTextToken = "<|endoftext|>"

    /// Each token as it is written in the vocabulary, by its id.
    let tokens: [String]
    /// The two tokens that each merge joins, in order of rank.
    let mergePairs: [(left: Int32, right: Int32)]
    private let merges: MergeTable
    /// The token of each single byte.
    private let byteTokens: [Int32]

    /// The id of `<|endoftext|>`, where the vocabulary has it.
    public let endOfText: Int?

    /// Whether both give the same ids for any text.
    public static func == (a: BPETokenizer, b: BPETokenizer) -> Bool {
        a.tokens == b.tokens && a.mergePairs.elementsEqual(b.mergePairs, by: ==)
    }

    /// The number of tokens, which is the largest id + 1.
    public var vocabularySize: Int { tokens.count }

    /// A tokenizer from what `vocab.json` and `merges.txt` hold.
    ///
    /// - Parameters:
    ///   - vocabulary: the id of each token, in byte symbols (`Ġ` for a space, ...).
    ///   - merges: the pairs of tokens that are joined, those to join first at the head.
    /// - Throws: `IOIError` when the ids are not 0, 1, 2, ..., a byte symbol is missing, or a merge repeats or has
    ///   parts or a result outside the vocabulary.
    public init(vocabulary: [String: Int], merges: [(String, String)]) throws {
        try self.init(
            vocabulary,
            merges: merges,
            vocabularyName: "vocabulary",
            mergeName: { "merge \($0 + 1)" }
        )
    }

    /// - Parameters:
    ///   - vocabularyName: what errors call the vocabulary.
    ///   - mergeName: what errors call the merge of an index.
    init(
        _ ids: [String: Int],
        merges pairs: [(String, String)],
        vocabularyName: String,
        mergeName: (Int) -> String
    ) throws {
        let vocabulary = try Vocabulary(ids, name: vocabularyName)
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
                    throw IOIError(
                        "\(mergeName(index)): \(token.debugDescription) is not a token of the vocabulary"
                    )
                }
                return id
            }
            let (left, right) = (try id(of: pair.0), try id(of: pair.1))
            guard merges.append(left, right, result: try id(of: pair.0 + pair.1)) else {
                let shown = "\(pair.0) \(pair.1)".debugDescription
                throw IOIError("\(mergeName(index)): \(shown) stands there a second time")
            }
            return (left, right)
        }

        self.merges = merges
        tokens = vocabulary.tokens
        endOfText = vocabulary.id(of: Self.endOfTextToken).map { Int($0) }
    }

    /// The ids of a text's tokens; `<|endoftext|>` in the text becomes its own id, where there is one.
    public func encode(_ text: String) -> [Int] {
        let bytes = Array(text.utf8)
        var ids: [Int] = []
        var merger = PieceMerger(byteTokens: byteTokens)
        for section in TextSections(bytes, splitAtEndOfText: endOfText != nil) {
            if let endOfText, section.isEndOfText {
                ids.append(endOfText)
                continue
            }
            for piece in Pretokenizer(bytes[section.range]) {
                merger.merge(bytes[piece], by: merges, into: &ids)
            }
        }
        return ids
    }

    /// The text of tokens. Bytes that are not valid UTF-8 become U+FFFD; ids outside the vocabulary give nothing,
    /// as in Hugging Face's tokenizer.
    public func decode(_ ids: [Int]) -> String {
        var bytes: [UInt8] = []
        for id in ids where tokens.indices.contains(id) {
            bytes.append(contentsOf: ByteSymbols.bytes(for: tokens[id]))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The id of the one token that a text encodes to; nil when it takes several tokens, or none.
    public func token(for text: String) -> Int? {
        let ids = encode(text)
        return ids.count == 1 ? ids[0] : nil
    }
}
