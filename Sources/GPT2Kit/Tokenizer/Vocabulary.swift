/// The tokens of a tokenizer, in byte symbols, with their ids 0, 1, 2, ...
///
/// Byte symbols have no canonical equivalents among themselves, so that strings of them are equal only when they
/// are the same. Only added tokens could clash that way, which would leave a gap in the ids.
struct Vocabulary: Sendable {
    /// Each token by its id.
    let tokens: [String]
    private let ids: [String: Int]

    /// - Parameter name: what errors call the vocabulary.
    /// - Throws: `IOIError` when the ids are not 0, 1, 2, ... in some order.
    init(_ ids: [String: Int], name: String) throws {
        let entries = ids.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        for (expected, (token, id)) in entries.enumerated() where id != expected {
            throw IOIError(
                "\(name): token \(token.quoted) has id \(id), expected \(expected): "
                    + "the ids have to be 0 to \(entries.count - 1), each once"
            )
        }
        self.ids = ids
        tokens = entries.map(\.key)
    }

    func id(of token: String) -> Int32? {
        ids[token].map { Int32($0) }
    }
}
