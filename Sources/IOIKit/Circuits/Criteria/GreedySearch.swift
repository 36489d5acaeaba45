/// How sets of a circuit's heads are grown, one head at a time: at each step a few heads are drawn of those left, and
/// the one with the highest score is taken (Wang et al. 2211.00593, appendix M).
public struct GreedySearch: Codable, Equatable, Sendable {
    /// How many sets are grown for completeness; each draws its own heads.
    public var runs = 10
    /// How many heads a set has at most.
    public var steps = 10
    /// How many heads are drawn at each step: 10 in the paper, and 5 for its naive circuit, which has half the heads.
    public var candidates = 10
    /// How many prompts scores are measured on, at most; they are a random sample of all.
    public var prompts = 50

    public init() {}

    func validate() throws {
        for (name, value) in [("runs", runs), ("steps", steps), ("candidates", candidates)] {
            try IOIError.check(name, value, in: 1...10_000)
        }
        try IOIError.check("prompts", prompts, in: 1...PromptSource.most)
    }

    /// A head that a set may take.
    struct Proposal {
        /// Which of the sets.
        let run: Int
        let k: Set<Head>
        let head: Head

        var grown: Set<Head> { k.union([head]) }
    }

    /// Grows a set from each pool of heads, all of them step by step together.
    ///
    /// - Parameters:
    ///   - stream: tells the draws of one search from those of another of the same seed.
    ///   - score: of each proposal of a step, from 0. At that time, not before, the score of the sets before they grow
    ///     can be told as well.
    ///   - current: that score; a set takes only a head that raises it. nil takes the best in any case.
    /// - Returns: for each pool its set from the empty one on, as it was after each step that made it grow.
    func grow(
        from pools: [[Head]],
        stream: String,
        seed: UInt64,
        score: (_ step: Int, _ proposals: [Proposal]) throws -> [Double],
        current: ((_ run: Int, _ k: Set<Head>) -> Double)? = nil
    ) rethrows -> [[Set<Head>]] {
        var generators = pools.indices.map { SeededGenerator(seed, stream, $0) }
        var paths: [[Set<Head>]] = pools.map { _ in [[]] }
        for step in 0..<steps {
            let proposals = pools.indices.map { run in
                let k = paths[run].last!
                var left = pools[run].filter { !k.contains($0) }
                generators[run].shuffle(&left)
                return left.prefix(candidates).map { Proposal(run: run, k: k, head: $0) }
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

    /// The prompts that scores are measured on.
    func sample(_ all: [Prompt], seed: UInt64) -> [Prompt] {
        guard all.count > prompts else { return all }
        var indices = Array(all.indices)
        var generator = SeededGenerator(seed, "greedy prompts")
        generator.shuffle(&indices)
        return indices.prefix(prompts).sorted().map { all[$0] }
    }
}
