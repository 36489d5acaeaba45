/// Whether a circuit needs each of its heads (Wang et al. 2211.00593, section 4.2): the minimality score
/// of v is |F(C∖(K∪{v})) − F(C∖K)| / |F(M)| for a set K of the circuit's other heads, without which v counts.
public enum Minimality {
    /// How the sets K are come by.
    public enum Sets: String, CaseIterable, Codable, Sendable {
        /// `published` for the circuit that those belong to, else `class`.
        case auto
        /// Those of the paper's appendix K, for its circuit of GPT-2 small and parts of that.
        case published
        /// The rest of the head's class.
        case headClass = "class"
        /// Grown so that the score gets large.
        case greedy
    }

    /// The least score of a head that counts, as a share of F(M).
    public static let bar = 0.01

    /// One head.
    public struct Score: Equatable, Sendable {
        /// v.
        public private(set) var head = Head(0, 0)
        /// The name of its class.
        public private(set) var headClass = ""
        /// K, ascending.
        public private(set) var k: [Head] = []
        /// F(C∖K).
        public private(set) var before = Estimate()
        /// F(C∖(K∪{v})).
        public private(set) var after = Estimate()
        /// The share of F(M) by which they differ; nil where F(M) is zero.
        public private(set) var score = Estimate()

        /// Whether the score is at the bar or above.
        public var passes: Bool { score.value.map { $0 >= Minimality.bar } ?? false }

        init(_ head: Head, in headClass: String, without k: Set<Head>, _ figures: SubsetFigures) {
            let both = k.union([head])
            self.head = head
            self.headClass = headClass
            self.k = k.sorted()
            before = figures.circuit(without: k)
            after = figures.circuit(without: both)
            score = figures.change(from: k, to: both)
        }
    }

    /// K of each head of a circuit; nil where a search has to find them.
    ///
    /// - Throws: `IOIError` of kind `usage` for published sets of a circuit that has other heads or classes.
    static func sets(_ choice: Sets, for circuit: Circuit) throws -> [Head: Set<Head>]? {
        switch choice {
        case .auto:
            return try sets(PublishedMinimalitySets.fit(circuit) ? .published : .headClass, for: circuit)
        case .published:
            if let (head, headClass) = PublishedMinimalitySets.stranger(in: circuit) {
                throw IOIError.usage(
                    "--minimality-sets: found published, but those are for the circuit of GPT-2 small, which has no "
                        + "\(head) in a class \(headClass.quoted); expected auto, class or greedy"
                )
            }
            return PublishedMinimalitySets.sets(for: circuit)
        case .headClass:
            return Dictionary(
                uniqueKeysWithValues: circuit.classes.flatMap { headClass in
                    headClass.heads.map { ($0, Set(headClass.heads).subtracting([$0])) }
                }
            )
        case .greedy: return nil
        }
    }

    /// For each head a set K that was grown as long as that raised the head's score.
    ///
    /// - Parameter progress: told what share of the work is done.
    /// - Throws: what running the sets throws.
    static func greedySets(
        for circuit: Circuit,
        _ search: GreedySearch,
        seed: UInt64,
        _ subsets: CircuitSubsets,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> [Head: Set<Head>] {
        let heads = circuit.heads
        func score(_ run: Int, _ k: Set<Head>) -> Double { subsets.change(from: k, to: k.union([heads[run]])) }
        let paths = try search.grow(
            from: heads.map { head in heads.filter { $0 != head } }, stream: "greedy minimality", seed: seed,
            score: { step, proposals in
                let sets = proposals.flatMap { proposal in
                    [proposal.k, proposal.grown].flatMap { [$0, $0.union([heads[proposal.run]])] }
                }
                try subsets.runCircuit(without: sets, stage: "minimality, step \(step)") {
                    progress((Double(step) + $0) / Double(search.steps))
                }
                return proposals.map { score($0.run, $0.grown) }
            },
            current: score
        )
        return Dictionary(uniqueKeysWithValues: zip(heads, paths.map { $0.last! }))
    }
}

extension Minimality.Score: FieldCoded {
    init() {}

    static var fields: [Field<Minimality.Score>] {
        [
            .value("head", \.head), .value("class", \.headClass), .value("k", \.k), .estimate("before", \.before),
            .estimate("after", \.after), .estimate("score", interval: "ci95", \.score),
            .computed("passes", \.passes),
        ]
    }
}
