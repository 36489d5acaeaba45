/// The tokens of a tokenizer, in byte symbols, with their ids 0, 1, 2, ...
struct Vocabulary: Sendable {
    /// Each token by its id.
    let tokens: [String]
    /// Keyed by UTF-8, since strings are equal when they are only canonically equivalent.
    private let ids: [[UInt8]: Int32]

    /// - Parameter name: what errors call the vocabulary.
    /// - Throws: `IOIError` when a token repeats or the ids are not 0, 1, 2, ... in some order.
    init(_ entries: [(token: String, id: Int)], name: String) throws {
        var tokens = [String?](repeating: nil, count: entries.count)
        var ids: [[UInt8]: Int32] = [:]
        ids.reserveCapacity(entries.count)
        for (token, id) in entries {
            var shown: String { token.debugDescription }
            guard id >= 0 else { throw IOIError("\(name): token \(shown) has id \(id), expected 0 or more") }
            if let other = ids.updateValue(Int32(clamping: id), forKey: Array(token.utf8)) {
                throw IOIError("\(name): token \(shown) stands twice, with ids \(other) and \(id)")
            }
            guard id < tokens.count else {
                throw IOIError(
                    "\(name): token \(shown) has id \(id), expected ids 0 to \(tokens.count - 1) without gaps"
                )
            }
            if let other = tokens[id] {
                throw IOIError(
                    "\(name): tokens \(other.debugDescription) and \(shown) have the same id \(id)"
                )
            }
            tokens[id] = token
        }
        // As many ids as tokens, none of them twice and none too large: none is missing.
        self.tokens = tokens.compactMap { $0 }
        self.ids = ids
    }

    func id(of token: String) -> Int32? {
        ids[Array(token.utf8)]
    }
}
