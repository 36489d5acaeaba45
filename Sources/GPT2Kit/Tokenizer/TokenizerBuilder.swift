extension BPETokenizer {
    /// A tokenizer in which every piece that GPT-2's pattern finds in the texts is one token: each word, with the space
    /// before it (" Mary"), each run of digits, punctuation or whitespace.
    ///
    /// The tokens are the 256 byte symbols in GPT-2's order, the results of the merges in the order in which the texts
    /// need them, and `<|endoftext|>`. Equal texts give equal tokenizers.
    public static func covering(texts: [String]) throws -> BPETokenizer {
        var builder = TokenizerBuilder()
        for text in texts { builder.cover(text) }
        return try builder.tokenizer()
    }
}

/// Adds merges, word by word, until each word is one token.
///
/// A chain of merges along each word (`Ġ M`, `ĠM a`, `ĠMa r`, …) would fail: a merge applies wherever its pair occurs,
/// and the `a n` of "anna" breaks up "banana". So existing merges are applied first, and new ones join only what they
/// leave. A new merge ranks last. In a word covered earlier, some earlier merge applies until the word is one token, so
/// the new one never applies there, and covered words stay covered.
private struct TokenizerBuilder {
    private var tokens = ByteSymbols.bytes.map { String(ByteSymbols.symbols[Int($0)]) }
    private var ids: [String: Int32] = [:]
    private var pairs: [(String, String)] = []
    private var merges = MergeTable(capacity: 0)
    private var merger: PieceMerger
    private var covered: Set<[UInt8]> = []

    private static let markers = TextSections.markers([(BPETokenizer.endOfTextToken, 0)])

    init() {
        var byteTokens = [Int32](repeating: 0, count: 256)
        for (id, byte) in ByteSymbols.bytes.enumerated() { byteTokens[Int(byte)] = Int32(id) }
        merger = PieceMerger(byteTokens: byteTokens)
    }

    mutating func cover(_ text: String) {
        let bytes = Array(text.utf8)
        for section in TextSections(bytes, at: Self.markers) where section.token == nil {
            for range in Pretokenizer(bytes[section.range]) {
                if covered.insert(Array(bytes[range])).inserted { cover(bytes[range]) }
            }
        }
    }

    private mutating func cover(_ piece: ArraySlice<UInt8>) {
        while true {
            var parts: [Int] = []
            merger.merge(piece, by: merges, into: &parts)
            guard parts.count > 1 else { return }
            let (left, right) = (tokens[parts[0]], tokens[parts[1]])
            pairs.append((left, right))
            // The remaining neighbours have no merge yet, so this one is new.
            _ = merges.append(Int32(parts[0]), Int32(parts[1]), result: id(of: left + right))
        }
    }

    /// The id of a token, which is added if new.
    private mutating func id(of token: String) -> Int32 {
        if let id = ids[token] { return id }
        let id = Int32(tokens.count)
        tokens.append(token)
        ids[token] = id
        return id
    }

    func tokenizer() throws -> BPETokenizer {
        let all = tokens + [BPETokenizer.endOfTextToken]
        return try BPETokenizer(
            Dictionary(uniqueKeysWithValues: zip(all, all.indices)), merges: pairs, vocabularyName: "vocabulary",
            mergeName: { "merge \($0 + 1)" }
        )
    }
}
