/// Whether a circuit needs each of its nodes (Wang et al. 2211.00593, section 4.2). The minimality score of v is
/// |F(C∖(K∪{v})) − F(C∖K)| / |F(M)| for a set K of the circuit's other nodes in whose absence v matters.
public enum Minimality {
    /// How sets K are chosen.
    public enum Sets: String, CaseIterable, Codable, Sendable {
        /// `published` for the published circuit of GPT-2 small, else `class`.
        case auto
        /// The sets of the paper's appendix K, for its circuit of GPT-2 small or a part of it.
        case published
        /// The rest of the node's class.
        case headClass = "class"
        /// Grown to maximise the score.
        case greedy
    }

    /// The least score, as a share of F(M), with which a node passes.
    public static let bar = 0.01

    /// The score of one head or MLP.
    public struct Score: Equatable, Sendable {
        /// v.
        public private(set) var node = Node.head(Head(0, 0))
        /// The name of the node's class.
        public private(set) var headClass = ""
        /// K, in ascending order.
        public private(set) var k: [Node] = []
        /// F(C∖K).
        public private(set) var before = Estimate()
        /// F(C∖(K∪{v})).
        public private(set) var after = Estimate()
        /// |`after` − `before`| / |F(M)|; nil if F(M) is zero.
        public private(set) var score = Estimate()

        /// Whether the score reaches ``Minimality/bar``.
        public var passes: Bool { score.value.map { $0 >= Minimality.bar } ?? false }

        init(_ node: Node, in headClass: String, without k: Set<Node>, _ estimates: SubsetEstimates) {
            let both = k.union([node])
            self.node = node
            self.headClass = headClass
            self.k = k.sorted()
            before = estimates.circuit(without: k)
            after = estimates.circuit(without: both)
            score = estimates.change(from: k, to: both)
        }
    }

    /// The set K for each node of a circuit; nil if they require a search.
    ///
    /// - Throws: `IOIError` for published sets if the circuit has other nodes or classes.
    static func sets(_ choice: Sets, for circuit: Circuit) throws -> [Node: Set<Node>]? {
        switch choice {
        case .auto:
            return try sets(PublishedMinimalitySets.matches(circuit) ? .published : .headClass, for: circuit)
        case .published:
            if let (node, headClass) = PublishedMinimalitySets.mismatch(in: circuit) {
                throw IOIError.invalid(
                    "minimality",
                    "found published, but those sets are for the circuit of GPT-2 small, which has no \(node) in a "
                        + "class \(headClass.quoted); expected auto, class or greedy"
                )
            }
            return PublishedMinimalitySets.sets(for: circuit)
        case .headClass:
            return Dictionary(
                uniqueKeysWithValues: circuit.classes.flatMap { headClass in
                    headClass.nodes.map { ($0, Set(headClass.nodes).subtracting([$0])) }
                }
            )
        case .greedy: return nil
        }
    }

    /// A set K for each node, grown while that raises the node's score.
    ///
    /// - Throws: errors from ``ComplementAblation``.
    static func greedySets(
        for circuit: Circuit,
        _ search: GreedySearch,
        seed: UInt64,
        _ subsets: CircuitSubsets,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> [Node: Set<Node>] {
        let nodes = circuit.nodes
        func score(_ run: Int, _ k: Set<Node>) -> Double { subsets.change(from: k, to: k.union([nodes[run]])) }
        let paths = try search.grow(
            from: nodes.map { node in nodes.filter { $0 != node } }, stream: "greedy minimality", seed: seed,
            score: { step, proposals in
                let sets = proposals.flatMap { proposal in
                    [proposal.k, proposal.grown].flatMap { [$0, $0.union([nodes[proposal.run]])] }
                }
                try subsets.runCircuit(without: sets, stage: "minimality, step \(step)") {
                    progress((Double(step) + $0) / Double(search.steps))
                }
                return proposals.map { score($0.run, $0.grown) }
            },
            current: score
        )
        return Dictionary(uniqueKeysWithValues: zip(nodes, paths.map { $0.last! }))
    }
}

extension Minimality.Score: FieldCoded {
    init() {}

    static var fields: [Field<Minimality.Score>] {
        [
            .value("head", \.node), .value("class", \.headClass), .value("k", \.k), .estimate("before", \.before),
            .estimate("after", \.after), .estimate("score", interval: "ci95", \.score),
            .computed("passes", \.passes),
        ]
    }
}
