/// A name, place or object that is one token.
struct Word: Sendable {
    /// Without its leading space.
    let text: String
    /// With its leading space.
    let token: Int

    /// Words that stand in a file.
    struct List {
        let source: String
        let kind: String
        let entries: [String]
    }

    /// - Throws: ``IOIError`` that names every entry that is not one token.
    static func tokenized(_ lists: [List], by tokenizer: BPETokenizer) throws -> [[Word]] {
        var offenders: [String] = []
        let words = lists.map { list in
            var bad: [String] = []
            let words = list.entries.compactMap { entry in
                guard let token = tokenizer.token(for: " " + entry) else {
                    bad.append("\"\(entry)\" (\(tokenizer.encode(" " + entry).count) tokens)")
                    return Word?.none
                }
                return Word(text: entry, token: token)
            }
            if !bad.isEmpty {
                offenders.append("\(list.source): \(list.kind) " + bad.joined(separator: ", "))
            }
            return words
        }
        guard offenders.isEmpty else {
            throw IOIError(
                offenders.joined(separator: "; ")
                    + "; expected words of one token with a leading space, by the model's tokenizer"
            )
        }
        return words
    }
}
