/// A greedy search for sets of a circuit's nodes: each step draws a few of the remaining nodes and adds the one with
/// the highest score (Wang et al. 2211.00593, appendix M).
public struct GreedySearch: Codable, Equatable, Sendable {
    /// The number of sets grown for completeness, each with its own draws.
    public var runs = 10
    /// The maximum size of a set.
    public var steps = 10
    /// Nodes drawn at each step: 10 in the paper, but 5 for its naive circuit, which has half the heads.
    public var candidates = 10
    /// The maximum number of prompts for scoring, sampled at random.
    public var prompts = 50

    public init() {}

    func validate() throws {
        for (name, value) in [("runs", runs), ("steps", steps), ("candidates", candidates)] {
            try IOIError.check(name, value, in: 1...10_000)
        }
        try IOIError.check("prompts", prompts, in: 1...PromptSource.most)
    }

    /// A node that may be added to a set.
    struct Proposal {
        /// The index of the set.
        let run: Int
        let k: Set<Node>
        let node: Node

        var grown: Set<Node> { k.union([node]) }
    }

    /// Grows a set from each pool of nodes, step by step in parallel.
    ///
    /// - Parameters:
    ///   - stream: distinguishes the draws of searches with the same seed.
    ///   - score: scores the proposals of a step.
    ///   - current: the score of a set before it grows, called only after `score`. A set then grows only if its score
    ///     rises. If nil, it always grows.
    /// - Returns: for each pool, its set after each step that added a node, starting with the empty set.
    func grow(
        from pools: [[Node]],
        stream: String,
        seed: UInt64,
        score: (_ step: Int, _ proposals: [Proposal]) throws -> [Double],
        current: ((_ run: Int, _ k: Set<Node>) -> Double)? = nil
    ) rethrows -> [[Set<Node>]] {
        var generators = pools.indices.map { SeededGenerator(seed, stream, $0) }
        var paths: [[Set<Node>]] = pools.map { _ in [[]] }
        for step in 0..<steps {
            let proposals = pools.indices.map { run in
                let k = paths[run].last!
                var left = pools[run].filter { !k.contains($0) }
                generators[run].shuffle(&left)
                return left.prefix(candidates).map { Proposal(run: run, k: k, node: $0) }
            }
            let all = proposals.flatMap { $0 }
            if all.isEmpty { break }
            var scores = try score(step, all)[...]
            for own in proposals where !own.isEmpty {
                let ownScores = scores.prefix(own.count)
                scores = scores.dropFirst(own.count)
                let best = ownScores.indices.max { ownScores[$0] < ownScores[$1] }!
                let proposal = own[best - ownScores.startIndex]
                if let current, ownScores[best] <= current(proposal.run, proposal.k) { continue }
                paths[proposal.run].append(proposal.grown)
            }
        }
        return paths
    }

    /// The prompts used for scoring.
    func sample(_ all: [Prompt], seed: UInt64) -> [Prompt] {
        guard all.count > prompts else { return all }
        var indices = Array(all.indices)
        var generator = SeededGenerator(seed, "greedy prompts")
        generator.shuffle(&indices)
        return indices.prefix(prompts).sorted().map { all[$0] }
    }
}
