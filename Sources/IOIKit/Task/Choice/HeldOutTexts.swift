/// Which of some texts are held out of training. It depends on the texts alone, not on a seed or their order, so that no
/// two datasets made of the same words mix up what is trained on and what is measured.
enum HeldOutTexts {
    /// - Parameters:
    ///   - stream: what they are.
    ///   - share: one of so many is held out.
    ///   - least: so many at least.
    static func choose(_ texts: [String], _ stream: String, oneOf share: Int, least: Int = 1) -> Set<String> {
        let ranked = texts.map { text in
            var hash = SeededGenerator(0, "\(stream): \(text)")
            return (rank: hash.next(), text: text)
        }
        let ordered = ranked.sorted { ($0.rank, $0.text) < ($1.rank, $1.text) }
        return Set(ordered.prefix(max(least, texts.count / share)).map(\.text))
    }
}
