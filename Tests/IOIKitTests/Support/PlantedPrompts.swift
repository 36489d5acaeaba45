@testable import GPT2Kit
@testable import IOIKit

extension PlantedModel {
    /// The first tokens of the vocabulary.
    static let names = ["Ann", "Ben", "Cal", "Dan", "Eve", "Fay", "Gus", "Hal"]
    private static let objects = ["rings", "roses", "lamps", "coins"]

    /// Token by token, without leading spaces.
    static let vocabulary: [String] = {
        let words = wordings.flatMap(\.words).filter { !["NAME", "OBJECT"].contains($0) }
        return (names + objects + words).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }()

    /// The last token of every prompt.
    static let end = vocabulary.firstIndex(of: "to")!

    static let prompts = ioiPrompts.map(Prompt.init)

    /// Three templates of 10, 12 and 16 tokens, each in both orders, and of each eight prompts: those that come of one
    /// by exchanging every name for the next.
    ///
    /// So each name is IO once, and S once, in the eight prompts of a template and order, and each stands once at each
    /// name's place in their counterfactuals: means over those prefer no name.
    static let ioiPrompts: [IOIPrompt] = wordings.enumerated().flatMap { index, wording in
        names.indices.map { wording.prompt(id: index * names.count + $0, name: $0) }
    }

    /// Of each order of a template, one.
    private static let wordings = [
        Wording("short", .abba, "While NAME and NAME ate , NAME sent OBJECT to", s: 1, abc: [3, 6, 2]),
        Wording("short", .baba, "While NAME and NAME ate , NAME sent OBJECT to", s: 5, abc: [2, 7, 4]),
        Wording("plain", .abba, "Last night NAME and NAME went out , NAME took OBJECT to", s: 3, abc: [6, 1, 5]),
        Wording("plain", .baba, "Last night NAME and NAME went out , NAME took OBJECT to", s: 7, abc: [4, 2, 6]),
        Wording(
            "long", .abba, "In the town NAME saw NAME by chance , and then NAME handed the OBJECT to", s: 2,
            abc: [5, 3, 1]
        ),
        Wording(
            "long", .baba, "In the town NAME saw NAME by chance , and then NAME handed the OBJECT to", s: 6,
            abc: [1, 4, 7]
        ),
    ]

    /// One order of a template, with how many names after IO's the others are.
    private struct Wording {
        let template: String
        let order: NameOrder
        let words: [String]
        let s: Int
        /// For IO, S1 and S2 of the counterfactual.
        let abc: [Int]

        init(_ template: String, _ order: NameOrder, _ text: String, s: Int, abc: [Int]) {
            self.template = template
            self.order = order
            words = text.split(separator: " ").map(String.init)
            self.s = s
            self.abc = abc
        }

        private var positions: Positions {
            let places = words.indices.filter { words[$0] == "NAME" }
            let (io, s1) = order == .abba ? (places[0], places[1]) : (places[1], places[0])
            return Positions(io: io, s1: s1, s1Next: s1 + 1, s2: places[2], end: words.count - 1)
        }

        /// - Parameter name: IO's.
        func prompt(id: Int, name: Int) -> IOIPrompt {
            let (positions, object) = (positions, objects[id % objects.count])
            func after(_ shift: Int) -> Int { (name + shift) % names.count }
            func filled(io: Int, s1: Int, s2: Int) -> [String] {
                var filled = words.map { $0 == "OBJECT" ? object : $0 }
                filled[positions.io] = names[io]
                filled[positions.s1] = names[s1]
                filled[positions.s2] = names[s2]
                return filled
            }
            func tokens(_ words: [String]) -> [Int] { words.map { vocabulary.firstIndex(of: $0)! } }
            let (io, s) = (name, after(s))
            let text = filled(io: io, s1: s, s2: s)
            let abcText = filled(io: after(abc[0]), s1: after(abc[1]), s2: after(abc[2]))
            return IOIPrompt(
                id: id, dataset: "clean", template: template, order: order, text: text.joined(separator: " "),
                tokens: tokens(text), answer: " \(names[io])", answerToken: io, io: " \(names[io])", ioToken: io,
                s: " \(names[s])", sToken: s, place: nil, object: object, positions: positions,
                abcText: abcText.joined(separator: " "), abcTokens: tokens(abcText)
            )
        }
    }
}
