/// What each prompt says of each edge of a graph.
public struct EdgeScores: Sendable {
    public let graph: Graph
    /// [prompts][edges]; positive where the edge raises the logit difference.
    public internal(set) var perPrompt: [[Float]]
    /// How long it took, and how much of that went to one forward pass over the prompts.
    public internal(set) var seconds = 0.0, forwardSeconds = 0.0

    init(_ graph: Graph, prompts: Int) {
        self.graph = graph
        perPrompt = Array(repeating: Array(repeating: 0, count: graph.edgeCount), count: prompts)
    }

    /// The mean over prompts. [edges]
    public var mean: [Double] { mean(of: Array(perPrompt.indices)) }

    /// The mean over some prompts, each as often as it is named. [edges]
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

/// A score for each edge of a graph, by which edges are chosen.
public struct EdgeRanking: Sendable {
    public let graph: Graph
    /// [edges]
    public let scores: [Double]
    /// Whether edges that lower the logit difference count for as much as those that raise it.
    public let isAbsolute: Bool

    public init(_ graph: Graph, scores: [Double], isAbsolute: Bool) {
        (self.graph, self.scores, self.isAbsolute) = (graph, scores, isAbsolute)
    }

    /// The edges' indices, best first; of equals the first one.
    public var order: [Int] {
        let keys = isAbsolute ? scores.map(abs) : scores
        return keys.indices.sorted { (keys[$0], $1) > (keys[$1], $0) }
    }

    /// The best `count` edges, whether or not they hang together.
    public func best(_ count: Int) -> EdgeSet { EdgeSet(graph, indices: order.prefix(count)) }

    /// The score of each sender: the sum of those of its edges. [senders]
    public var senderScores: [Double] {
        var sums = Array(repeating: 0.0, count: graph.senders.count)
        for (score, edge) in zip(scores, graph.edges) { sums[edge.sender] += score }
        return sums
    }
}
