/// How well counterfactuals replace their prompts: what to look at before values are taken from them.
public struct CounterfactualHealth: Codable, Equatable, Sendable {
    /// Prompts that differ only in their words, over which a mean by template is taken, and among which values are
    /// resampled.
    public struct Groups: Codable, Equatable, Sendable {
        public let count: Int
        /// The numbers of prompts of the smallest and the largest group.
        public let least, most: Int
        /// How many have a single prompt, whose mean is the value in its own counterfactual.
        public let single: Int
        /// The mean share, over the prompts of larger groups, of positions at which the counterfactuals of a group do not
        /// all agree; nil if all groups have a single prompt. Near 1 the sentences differ, not only their words.
        public let differing: Double?
    }

    /// The number of counterfactuals.
    public let count: Int
    /// The share of them that equal their prompt.
    public let equal: Double
    /// The share that hold a right or a wrong token of their prompt: of IOI, one of its names.
    public let withAnswers: Double
    /// The share of prompts whose counterfactual has another number of tokens, those left out among them.
    public let unequalLengths: Double
    /// The least and the greatest number of tokens.
    public let lengths: [Int]
    public let groups: Groups

    enum CodingKeys: String, CodingKey {
        case count, equal
        case withAnswers = "with_answers"
        case unequalLengths = "unequal_lengths"
        case lengths, groups
    }

    /// nil for prompts without counterfactuals.
    public init?(_ dataset: TaskDataset) {
        let pairs = dataset.prompts.compactMap { prompt in prompt.counterfactualTokens.map { (prompt, $0) } }
        guard !pairs.isEmpty else { return nil }
        func share(_ isCounted: (Prompt, [Int]) -> Bool) -> Double {
            Double(pairs.count(where: isCounted)) / Double(pairs.count)
        }
        count = pairs.count
        equal = share { $0.tokens == $1 }
        withAnswers = share { prompt, tokens in
            let answers = Set(prompt.rightTokens + prompt.wrongTokens)
            return tokens.contains { answers.contains($0) }
        }
        let dropped = dataset.dropped ?? 0
        let unequal = pairs.count { $0.tokens.count != $1.count } + dropped
        unequalLengths = Double(unequal) / Double(pairs.count + dropped)
        let all = pairs.map { $1.count }
        lengths = [all.min()!, all.max()!]
        groups = Groups(pairs)
    }
}

extension CounterfactualHealth.Groups {
    fileprivate init(_ pairs: [(prompt: Prompt, tokens: [Int])]) {
        let groups = Dictionary(grouping: pairs) { PromptGroup($0.prompt) }.values.map { $0.map(\.tokens) }
        let sizes = groups.map(\.count)
        (count, least, most) = (groups.count, sizes.min()!, sizes.max()!)
        single = sizes.count { $0 == 1 }
        var (differing, positions) = (0, 0)
        for group in groups where group.count > 1 {
            let length = group.map(\.count).min()!
            differing +=
                group.count
                * (0..<length).count { position in group.contains { $0[position] != group[0][position] } }
            positions += group.count * length
        }
        self.differing = positions == 0 ? nil : Double(differing) / Double(positions)
    }
}
