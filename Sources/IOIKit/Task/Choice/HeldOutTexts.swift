/// The texts held out from training. The choice depends on the texts alone, not on a seed or their order, so that it is
/// the same in all datasets made of these texts.
enum HeldOutTexts {
    /// - Parameters:
    ///   - stream: the kind of text, which names the random stream.
    ///   - share: one text in `share` is held out.
    ///   - least: the smallest number of texts held out.
    static func choose(_ texts: [String], _ stream: String, oneOf share: Int, least: Int = 1) -> Set<String> {
        let ranked = texts.map { text in
            var hash = SeededGenerator(0, "\(stream): \(text)")
            return (rank: hash.next(), text: text)
        }
        let ordered = ranked.sorted { ($0.rank, $0.text) < ($1.rank, $1.text) }
        return Set(ordered.prefix(max(least, texts.count / share)).map(\.text))
    }

    /// - Parameters:
    ///   - texts: the texts to choose from.
    ///   - field: their key in the file.
    ///   - source: the file, for error messages.
    /// - Throws: `IOIError` if there is none, one is empty or one repeats.
    static func check(_ texts: [String], field: String, source: String) throws {
        guard !texts.isEmpty, !texts.contains("") else {
            throw IOIError("\(source): \(field): found an empty list or entry, expected words")
        }
        if let twice = texts.firstRepeated() {
            throw IOIError("\(source): \(field): found \(twice.quoted) twice, expected each once")
        }
    }
}
