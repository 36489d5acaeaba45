/// Random sets of heads that match a given set's number of heads in each layer.
///
/// They serve as the null distribution for a circuit: an effect is specific to the circuit only if it exceeds the
/// effect of as many other heads at the same depths.
public enum MatchedHeads {
    /// Draws distinct heads uniformly from each layer, as many as `heads` has there. The draws may include `heads`.
    ///
    /// - Parameters:
    ///   - heads: heads of the model; duplicates count once.
    ///   - seed: each set depends only on the seed and its index, so a larger `count` extends the sets of a smaller
    ///     one.
    ///   - count: the number of sets.
    ///   - config: the shape of the model.
    /// - Returns: `count` sets, each in ascending order.
    public static func sets(like heads: [Head], count: Int, config: GPT2Config, seed: UInt64) -> [[Head]] {
        let layers = Dictionary(grouping: Set(heads), by: \.layer).sorted { $0.key < $1.key }
        return (0..<count).map { index in
            var generator = SeededGenerator(seed, "matched heads", index)
            return layers.flatMap { layer, given in
                var indices = Array(0..<config.heads)
                generator.shuffle(&indices)
                return indices.prefix(given.count).sorted().map { Head(layer, $0) }
            }
        }
    }
}

/// A circuit's ratio F(C) / F(M) compared with those of random circuits matched in size and depth.
public struct NullComparison: Codable, Equatable, Sendable {
    /// The random circuits' ratios, in ascending order.
    public let ratios: [Double]
    /// The percentage of random circuits with a lower ratio.
    public let percentile: Double

    init(_ ratios: [Double], of value: Double) {
        self.ratios = ratios.sorted()
        percentile = 100 * Double(ratios.count { $0 < value }) / Double(ratios.count)
    }

    /// The middle 90 % of the random circuits.
    public var middle: ClosedRange<Double> { Bootstrap.quantile(ratios, 0.05)...Bootstrap.quantile(ratios, 0.95) }
}

extension Circuit {
    /// Random circuits in which matched heads replace the circuit's own in its classes, paths and edges. MLPs stay, each
    /// being the only one of its layer; without heads there is nothing to draw, and so no circuit.
    func matched(count: Int, config: GPT2Config, seed: UInt64) throws -> [Circuit] {
        let own = heads
        guard !own.isEmpty else { return [] }
        let graph = Graph(config)
        return try MatchedHeads.sets(like: own, count: count, config: config, seed: seed).map { drawn in
            let names = Dictionary(uniqueKeysWithValues: zip(own, drawn))
            return try Circuit(
                model: model,
                classes: classes.map { headClass in
                    HeadClass(
                        name: headClass.name,
                        nodes: headClass.nodes.map { node in node.head.map { .head(names[$0]!) } ?? node },
                        position: headClass.position
                    )
                },
                paths: paths,
                edges: edges.compactMap { graph.edge(named: $0) }.map { graph.name(of: graph.renaming($0, names)) }
            )
        }
    }
}

extension Graph {
    /// The same edge with heads replaced by others of the same layers. Heads not in `names` are unchanged.
    func renaming(_ edge: Edge, _ names: [Head: Head]) -> Edge {
        let sender: Sender =
            switch senders[edge.sender] {
            case .head(let head): .head(names[head] ?? head)
            case let other: other
            }
        let receiver: Receiver =
            switch receivers[edge.receiver] {
            case .head(let head, let input): .head(names[head] ?? head, input)
            case let other: other
            }
        return Edge(sender: index(of: sender), receiver: index(of: receiver))
    }
}
