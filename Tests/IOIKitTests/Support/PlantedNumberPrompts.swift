@testable import GPT2Kit
@testable import IOIKit

extension PlantedNumberModel {
    /// The number of numbers, from 00, which are the first tokens of the vocabulary.
    static let numbers = 10
    private static let nouns = ["war", "feud", "siege", "trial"]
    private static let wordings = [
        "The NOUN began in YEAR and went on to", "In this old town a NOUN opened in YEAR and stayed open up to",
        "Letters say that the NOUN dates from YEAR and that it lasted to",
    ]

    /// The token after ``year``.
    static let and = PositionName("AND")!
    static let noun = PositionName("NOUN")!
    static let year = PositionName("YEAR")!

    /// Token by token, without leading spaces.
    static let vocabulary: [String] = {
        let words = wordings.flatMap { $0.split(separator: " ").map(String.init) }
        let others = words.filter { !["NOUN", "YEAR"].contains($0) }
        return ((0..<numbers).map { "0\($0)" } + nouns + others).reduce(into: []) {
            if !$0.contains($1) { $0.append($1) }
        }
    }()

    /// Three templates of 9, 13 and 14 tokens, and of each a prompt for the numbers from 3 to 7: all larger numbers are
    /// right, all others wrong. In the counterfactual the number is 1.
    static let prompts: [Prompt] = wordings.enumerated().flatMap { template, wording in
        (3...7).map { number in
            let words = wording.split(separator: " ").map(String.init)
            let id = template * 5 + number - 3
            func filled(_ number: Int) -> [String] {
                words.map { $0 == "NOUN" ? nouns[id % nouns.count] : $0 == "YEAR" ? "0\(number)" : $0 }
            }
            func tokens(_ words: [String]) -> [Int] { words.map { vocabulary.firstIndex(of: $0)! } }
            let (text, counterfactual) = (filled(number), filled(1))
            let place = words.firstIndex(of: "YEAR")!
            return Prompt(
                id: id, dataset: "numbers", template: "\(words.count) tokens", group: "0\(number)",
                text: text.joined(separator: " "), tokens: tokens(text),
                counterfactualText: counterfactual.joined(separator: " "),
                counterfactualTokens: tokens(counterfactual), rightTokens: Array(number + 1..<numbers),
                wrongTokens: Array(0...number), answer: " 0\(number + 1)", answerToken: number + 1,
                positions: Positions(
                    [noun: words.firstIndex(of: "NOUN")!, year: place, and: place + 1], count: words.count)
            )
        }
    }
}
