/// The first screen of a page: what was done, the figures that matter, and one picture.
struct Opening {
    /// A figure that matters, with its interval, and a phrase on what it is.
    struct Card {
        let figure, words: String
        /// The index of its colour among ``LineChart/colours``; nil for none.
        var colour: Int?
    }

    /// Set in one line: model, prompts, date, duration, version.
    var facts: [String] = []
    /// HTML between the facts and the figures.
    var notes = ""
    /// HTML above the cards.
    var verdict = ""
    var cards: [Card] = []
    /// An SVG document; nil for none.
    var picture: String?

    var html: String {
        let cards = cards.map { card in
            let style = card.colour.map { " c\($0 % LineChart.colours.count)" } ?? ""
            return "<div class=\"card\(style)\"><p class=\"big\">\(card.figure.xml)</p><p>\(card.words.xml)</p></div>"
        }
        return HTMLPage.paragraph(facts.joined(separator: " · "), style: "facts") + notes
            + "<div class=\"opening\"><div>\(verdict)<div class=\"cards\">\(cards.joined())</div></div>"
            + (picture.map { "<figure class=\"whole\">\(HTMLPage.inline($0))</figure>" } ?? "") + "</div>"
    }
}
