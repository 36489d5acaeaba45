/// Attribution scores of each edge on each prompt.
public struct EdgeScores: Sendable {
    public let graph: Graph
    /// Positive for edges that raise the metric, or lower a divergence. [prompts][edges]
    public internal(set) var perPrompt: [[Float]]
    /// The total time, and the part spent on one forward pass over the prompts.
    public internal(set) var seconds = 0.0, forwardSeconds = 0.0

    init(_ graph: Graph, prompts: Int) {
        self.graph = graph
        perPrompt = Array(repeating: Array(repeating: 0, count: graph.edgeCount), count: prompts)
    }

    /// The mean over prompts. [edges]
    public var mean: [Double] { mean(of: Array(perPrompt.indices)) }

    /// The mean over some prompts, which may be repeated. [edges]
    func mean(of prompts: [Int]) -> [Double] {
        var sums = Array(repeating: 0.0, count: graph.edgeCount)
        for prompt in prompts {
            perPrompt[prompt].withUnsafeBufferPointer { scores in
                for edge in sums.indices { sums[edge] += Double(scores[edge]) }
            }
        }
        return sums.map { $0 / Double(prompts.count) }
    }
}

/// A ranking of a graph's edges by score.
public struct EdgeRanking: Sendable {
    public let graph: Graph
    /// [edges]
    public let scores: [Double]
    /// Whether edges are ranked by the absolute score.
    public let isAbsolute: Bool

    public init(_ graph: Graph, scores: [Double], isAbsolute: Bool) {
        (self.graph, self.scores, self.isAbsolute) = (graph, scores, isAbsolute)
    }

    /// The edges' indices, best first, with ties in index order.
    public var order: [Int] {
        let keys = isAbsolute ? scores.map(abs) : scores
        return keys.indices.sorted { (keys[$0], $1) > (keys[$1], $0) }
    }

    /// The best `count` edges, including dangling ones.
    public func best(_ count: Int) -> EdgeSet { EdgeSet(graph, indices: order.prefix(count)) }

    /// The sum of each sender's edge scores. [senders]
    public var senderScores: [Double] {
        var sums = Array(repeating: 0.0, count: graph.senders.count)
        for (score, edge) in zip(scores, graph.edges) { sums[edge.sender] += score }
        return sums
    }
}

/// The stability of an attribution circuit under resampling of the prompts (Méloux et al. 2510.00845).
public struct EdgeStability: Codable, Equatable, Sendable {
    public let resamples: Int
    /// The mean Jaccard index of the circuits' edges over all pairs of resamples.
    public let edges: Double
    /// The mean Jaccard index of the circuits' heads.
    public let heads: Double

    /// - Parameters:
    ///   - count: the number of best edges in a circuit, before pruning.
    ///   - resamples: at least two.
    ///   - seed: the seed of everything drawn at random.
    ///   - isAbsolute: whether edges are ranked by the size of their score.
    ///   - scores: the scores of all edges.
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
                edgeSum += circuits[a].jaccard(circuits[b])
                headSum += heads[a].jaccard(heads[b])
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
