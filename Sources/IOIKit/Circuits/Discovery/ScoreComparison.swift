/// How far scores of edges agree with those of another program or run.
public struct ScoreComparison: Codable, Equatable, Sendable {
    /// The name of the file with the other scores, without folders.
    public let file: String
    /// The number of edges compared: all of the graph.
    public let edges: Int
    /// The number of edges in the file's circuit.
    public let edgesInGraph: Int
    /// Spearman's correlation of the scores; nil, as the others, if a list is constant.
    public let rankCorrelation: Double?
    /// Spearman's correlation of the absolute scores.
    public let absoluteRankCorrelation: Double?
    /// Pearson's correlation of the scores. It is negative if the file's scores have the opposite sign.
    public let correlation: Double?
    /// The largest difference of an edge's scores as a share of the file's largest absolute score; nil if all are 0.
    public let largestDifference: Double?
    /// The number of best edges whose overlap is given.
    public let best: Int
    /// The Jaccard index of the best edges by either list of scores.
    public let bestJaccard: Double

    enum CodingKeys: String, CodingKey {
        case file, edges, correlation, best
        case edgesInGraph = "edges_in_graph"
        case rankCorrelation = "rank_correlation"
        case absoluteRankCorrelation = "absolute_rank_correlation"
        case largestDifference = "largest_difference"
        case bestJaccard = "best_jaccard"
    }

    /// - Parameters:
    ///   - ranking: the scores, and how edges are ranked by them.
    ///   - other: the scores to compare with, of the same graph.
    ///   - file: the name of their file.
    ///   - best: the number of best edges to compare.
    public init(_ ranking: EdgeRanking, with other: MIBCircuit, file: String, best: Int) {
        let (ours, theirs) = (ranking.scores, other.scores)
        self.file = file
        self.best = best
        edges = ours.count
        edgesInGraph = other.edges.count
        func rankCorrelation(_ x: [Double], _ y: [Double]) -> Double? {
            Correlation.value(Correlation.ranks(x), Correlation.ranks(y))
        }
        self.rankCorrelation = rankCorrelation(ours, theirs)
        absoluteRankCorrelation = rankCorrelation(ours.map(abs), theirs.map(abs))
        correlation = Correlation.value(ours, theirs)
        let largest = theirs.map(abs).max() ?? 0
        largestDifference = largest > 0 ? zip(ours, theirs).map { abs($0 - $1) }.max()! / largest : nil
        let otherRanking = EdgeRanking(ranking.graph, scores: theirs, isAbsolute: ranking.isAbsolute)
        bestJaccard = ranking.best(best).jaccard(otherRanking.best(best))
    }
}
