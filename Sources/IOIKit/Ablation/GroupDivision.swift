import GPT2Kit

/// How ranks divide prompts so that the prompts of a group stay together.
struct GroupDivision {
    /// The first prompt of each group, and the rank that has the group.
    let owners: [(prompt: Prompt, rank: Int)]
    private let parts: [[Prompt]]

    /// Gives the largest groups first, each to the rank that has the fewest prompts by then.
    init(_ prompts: [Prompt], _ ranks: Ranks) {
        let groups = Dictionary(grouping: prompts.indices) { PromptGroup(prompts[$0]) }.values
            .sorted { ($1.count, $0[0]) < ($0.count, $1[0]) }
        var parts = Array(repeating: [Int](), count: ranks.count)
        owners = groups.map { group in
            let rank = parts.indices.min { parts[$0].count < parts[$1].count }!
            parts[rank] += group
            return (prompts[group[0]], rank)
        }
        self.parts = parts.map { $0.sorted().map { prompts[$0] } }
    }

    /// Those of a rank, in their order.
    func prompts(of rank: Int) -> [Prompt] { parts[rank] }
}
