@testable import IOIKit

/// Prompts of a task that is not IOI, on the random models of ``PatchingFixture``: positions with names of their own,
/// and several right and wrong tokens, a different number in each prompt.
enum AnyTaskFixture {
    /// Two layers with heads of 8, and three with heads of 6.
    static let models = Array(PatchingFixture.all.prefix(2))
    /// Those of which a first derivative tells something in the unpatched run.
    static let differentiable = Metric.allCases.filter { $0 != .divergence }

    /// The positions that all prompts name. In "short" MARK is the same token as YEAR, in "long" the same as END, and
    /// "long" names one more.
    static let positions: [PositionSelection] = ["NOUN", "YEAR", "MARK", "END"].map { PositionSelection($0)! }
    static let (noun, year, mark, end) = (positions[0], positions[1], positions[2], positions[3])

    /// Three templates of 9, 6 and 13 tokens, the first in two structures. Means are taken over prompts of one template and
    /// structure, whatever their group.
    static let prompts: [Prompt] = [
        middle(0, "even", [1, 10, 30], [2, 14, 30], right: [11, 12], wrong: [9, 8, 7]),
        // Begins like the one before until MARK.
        middle(1, "odd", [1, 10, 31], [3, 15, 32], right: [12], wrong: [9]),
        // Its counterfactual differs at YEAR alone.
        middle(2, "even", [4, 12, 30], [4, 16, 30], right: [13, 14, 15, 16], wrong: [11, 10, 9, 8, 7]),
        prompt(
            3, "middle", "odd", [20, 21, nil, 22, 23, nil, nil, 24, 60], [5, 13, 33], [6, 17, 34],
            ["NOUN": 2, "YEAR": 5, "MARK": 6], right: [14, 20], wrong: [3]
        ),
        short(4, "even", [7, 11], [8, 18], right: [12, 13, 19], wrong: [10, 2]),
        short(5, "odd", [2, 15], [2, 19], right: [16], wrong: [14, 13, 12, 11]),
        prompt(
            6, "long", "even", [50, 51, 52, 53, nil, 54, 55, 56, 57, nil, 58, 59, nil], [3, 16, 35], [6, 12, 36],
            ["NOUN": 4, "VERB": 6, "YEAR": 9, "MARK": 12], right: [17, 18], wrong: [15]
        ),
    ]

    private static func middle(
        _ id: Int, _ group: String, _ words: [Int], _ others: [Int], right: [Int], wrong: [Int]
    ) -> Prompt {
        prompt(
            id, "middle", group, [20, nil, 21, nil, 22, 23, nil, 24, 60], words, others,
            ["NOUN": 1, "YEAR": 3, "MARK": 6], right: right, wrong: wrong
        )
    }

    private static func short(
        _ id: Int, _ group: String, _ words: [Int], _ others: [Int], right: [Int], wrong: [Int]
    ) -> Prompt {
        prompt(
            id, "short", group, [nil, 40, nil, 41, 42, 60], words, others, ["NOUN": 0, "YEAR": 2, "MARK": 2],
            right: right, wrong: wrong
        )
    }

    /// - Parameters:
    ///   - sentence: the template, nil where a word stands.
    ///   - words: the prompt's, and `others` the counterfactual's.
    private static func prompt(
        _ id: Int,
        _ template: String,
        _ group: String,
        _ sentence: [Int?],
        _ words: [Int],
        _ others: [Int],
        _ positions: [String: Int],
        right: [Int],
        wrong: [Int]
    ) -> Prompt {
        func filled(_ words: [Int]) -> [Int] {
            var rest = words[...]
            return sentence.map { $0 ?? rest.removeFirst() }
        }
        let named = Dictionary(uniqueKeysWithValues: positions.map { (PositionName($0)!, $1) })
        return Prompt(
            id: id, dataset: "any", template: template, group: group, text: "prompt \(id)", tokens: filled(words),
            counterfactualText: "other \(id)", counterfactualTokens: filled(others), rightTokens: right,
            wrongTokens: wrong, answer: " \(right[0])", answerToken: right[0],
            positions: Positions(named, count: sentence.count)
        )
    }
}
