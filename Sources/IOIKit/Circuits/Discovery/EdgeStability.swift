/// How much a circuit found from edge scores depends on the prompts: circuits from resamples of them, compared with each
/// other by Jaccard's index (Méloux et al. 2510.00845).
public struct EdgeStability: Codable, Equatable, Sendable {
    public let resamples: Int
    /// The mean over all pairs of resamples: edges in both over edges in either.
    public let edges: Double
    /// The same of their heads.
    public let heads: Double

    /// - Parameters:
    ///   - count: how many of the best edges make a circuit, before those that dangle are removed.
    ///   - resamples: at least two.
    public init(_ scores: EdgeScores, count: Int, isAbsolute: Bool, resamples: Int, seed: UInt64) {
        let circuits = (0..<resamples).map { resample in
            var generator = SeededGenerator(seed, "edge stability", resample)
            let prompts = scores.perPrompt.indices.map { _ in generator.below(scores.perPrompt.count) }
            var circuit = EdgeRanking(scores.graph, scores: scores.mean(of: prompts), isAbsolute: isAbsolute).best(
                count)
            circuit.prune()
            return circuit
        }
        let heads = circuits.map { Set($0.heads) }
        var (edgeSum, headSum, pairs) = (0.0, 0.0, 0.0)
        for a in circuits.indices {
            for b in circuits.indices.dropFirst(a + 1) {
                let either = heads[a].union(heads[b]).count
                edgeSum += circuits[a].jaccard(circuits[b])
                headSum += either == 0 ? 1 : Double(heads[a].intersection(heads[b]).count) / Double(either)
                pairs += 1
            }
        }
        self.resamples = resamples
        self.edges = edgeSum / pairs
        self.heads = headSum / pairs
    }

    enum CodingKeys: String, CodingKey {
        case resamples
        case edges = "edge_jaccard"
        case heads = "head_jaccard"
    }
}
