/// Whether a circuit includes all nodes that perform the task (Wang et al. 2211.00593, section 4.1). Removing any set K
/// of its nodes from both the circuit and the model should leave them equal. The incompleteness score of K is
/// |F(C∖K) − F(M∖K)|.
public enum Completeness {
    /// How sets K are chosen. The empty set is always included.
    public enum Kind: String, CaseIterable, Codable, Sendable {
        case empty
        /// Each node with probability 1/2.
        case random
        /// A whole class.
        case headClass = "class"
        /// Grown to maximise an objective.
        case greedy
    }

    /// What a greedy search maximises when it adds a node v to K.
    public enum Objective: String, CaseIterable, Codable, Sendable {
        /// The circuit's change |F(C∖(K∪{v})) − F(C∖K)|, as in the paper's appendix M, algorithm 3.
        case change
        /// The score |F(C∖(K∪{v})) − F(M∖(K∪{v}))|, as in the paper's section 4.1 and its code, which adds a node only
        /// if the score rises.
        case gap
    }

    /// One set K.
    public struct Score: Equatable, Sendable {
        public private(set) var kind = Kind.empty
        /// The class, or the objective of the search.
        public private(set) var name: String?
        /// K, in ascending order.
        public private(set) var k: [Node] = []
        /// F(C∖K).
        public private(set) var circuit = Estimate()
        /// F(M∖K).
        public private(set) var model = Estimate()
        /// |F(C∖K) − F(M∖K)|.
        public private(set) var score = Estimate()

        init(_ set: Candidate, _ estimates: SubsetEstimates) {
            kind = set.kind
            name = set.name
            k = set.k.sorted()
            circuit = estimates.circuit(without: set.k)
            model = estimates.model(without: set.k)
            score = estimates.gap(without: set.k)
        }
    }

    /// A set K to score.
    struct Candidate: Equatable {
        let kind: Kind
        var name: String?
        let k: Set<Node>
    }

    /// The sets that require no search.
    ///
    /// - Parameters:
    ///   - kinds: the kinds besides the empty set.
    ///   - randomSets: the number of random sets. Each is determined by the seed and its index.
    static func candidates(_ kinds: [Kind], of circuit: Circuit, randomSets: Int, seed: UInt64) -> [Candidate] {
        var candidates = [Candidate(kind: .empty, k: [])]
        if kinds.contains(.random) {
            candidates += (0..<randomSets).map { index in
                var generator = SeededGenerator(seed, "random subset", index)
                return Candidate(kind: .random, k: Set(circuit.nodes.filter { _ in generator.below(2) == 0 }))
            }
        }
        if kinds.contains(.headClass) {
            candidates += circuit.classes.map { Candidate(kind: .headClass, name: $0.name, k: Set($0.nodes)) }
        }
        return candidates
    }

    /// The distinct sets found by a search: the one with the highest score in each of its runs, at any step.
    ///
    /// - Throws: errors from ``ComplementAblation`` and ``Knockout``.
    static func greedyCandidates(
        _ objective: Objective,
        of circuit: Circuit,
        _ search: GreedySearch,
        seed: UInt64,
        _ subsets: CircuitSubsets,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> [Candidate] {
        let name = objective.rawValue
        let pools = Array(repeating: circuit.nodes, count: search.runs)
        let paths = try search.grow(
            from: pools, stream: "greedy \(name)", seed: seed,
            score: { step, proposals in
                let stage = "\(name), step \(step)"
                // Circuit and model take about the same time.
                let parts = objective == .gap ? 2.0 : 1.0
                func part(_ index: Double) -> (Double) -> Void {
                    { progress((Double(step) + (index + $0) / parts) / Double(search.steps)) }
                }
                try subsets.runCircuit(
                    without: proposals.map(\.k) + proposals.map(\.grown), stage: stage, progress: part(0)
                )
                guard objective == .gap else {
                    return proposals.map { subsets.change(from: $0.k, to: $0.grown) }
                }
                try subsets.runModel(without: proposals.map(\.grown), stage: stage, progress: part(1))
                return proposals.map { subsets.gap(without: $0.grown) }
            },
            current: objective == .gap ? { subsets.gap(without: $1) } : nil
        )
        try subsets.runModel(without: paths.flatMap { $0 }, stage: "\(name), found")
        var found: [Set<Node>] = []
        for path in paths {
            let best = path.max { subsets.gap(without: $0) < subsets.gap(without: $1) }!
            if !best.isEmpty, !found.contains(best) { found.append(best) }
        }
        return found.map { Candidate(kind: .greedy, name: name, k: $0) }
    }
}

extension Completeness.Score: FieldCoded {
    init() {}

    static var fields: [Field<Completeness.Score>] {
        [
            .value("kind", \.kind), .optional("name", \.name), .value("k", \.k), .estimate("circuit", \.circuit),
            .estimate("model", \.model), .estimate("score", interval: "ci95", \.score),
        ]
    }
}
