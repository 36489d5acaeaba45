/// The mean attention of heads between named positions of the task's prompts.
public struct TaskAttention: Codable, Equatable, Sendable {
    /// A query position and a key position.
    public enum Relation: String, CaseIterable, Codable, CodingKeyRepresentable, Sendable {
        case endToIO = "end_to_io"
        case endToS1 = "end_to_s1"
        case endToS2 = "end_to_s2"
        /// From S2 to S1, the previous occurrence of the token.
        case duplicate
        /// From S2 to S1+1, the token after the previous occurrence.
        case induction
        /// From S1+1 to S1, the preceding token.
        case previous

        fileprivate func places(in positions: Positions) -> (query: Int, key: Int) {
            switch self {
            case .endToIO: (positions.end, positions.io)
            case .endToS1: (positions.end, positions.s1)
            case .endToS2: (positions.end, positions.s2)
            case .duplicate: (positions.s2, positions.s1)
            case .induction: (positions.s2, positions.s1Next)
            case .previous: (positions.s1Next, positions.s1)
            }
        }
    }

    public let heads: [Relation: HeadMap]
    /// The values under uniform attention.
    public let uniform: [Relation: Double]

    init(_ measures: Measures, seed: UInt64, workers: Workers) {
        heads = Dictionary(
            uniqueKeysWithValues: Relation.allCases.map { relation in
                (
                    relation,
                    HeadMap(means: measures[relation], heads: measures.config.heads, seed: seed, workers: workers)
                )
            }
        )
        uniform = Dictionary(uniqueKeysWithValues: Relation.allCases.map { ($0, measures.uniform($0)) })
    }

    /// The attention on each prompt.
    struct Measures: PromptColumns {
        /// The sites that the run must keep.
        static let sites: Set<Site> = [.pattern]

        let config: GPT2Config
        /// [relations][heads][prompts]
        private var attention: [[[Double]]]
        /// The uniform attention of each query. [relations][prompts]
        private var shares: [[Double]]

        init(_ config: GPT2Config) {
            self.config = config
            let heads = [[Double]](repeating: [], count: config.layers * config.heads)
            attention = Array(repeating: heads, count: Relation.allCases.count)
            shares = Array(repeating: [], count: Relation.allCases.count)
        }

        var columns: [[Double]] {
            get { attention.flatMap { $0 } + shares }
            set {
                attention = newValue.dropLast(shares.count).rows(of: config.layers * config.heads)
                shares = newValue.suffix(shares.count)
            }
        }

        mutating func add(_ batch: PromptBatch, _ forward: ForwardPass) {
            for layer in 0..<config.layers {
                let patterns = forward.patterns(layer: layer)
                for (prompt, tokens) in zip(batch.prompts, batch.packed.prompts) {
                    for (index, relation) in Relation.allCases.enumerated() {
                        let (query, key) = relation.places(in: prompt.positions)
                        let row = batch.packed.rowOfToken[tokens.lowerBound + query]
                        for head in 0..<config.heads {
                            attention[index][layer * config.heads + head].append(Double(patterns(row, head)[key]))
                        }
                        if layer == 0 { shares[index].append(1 / Double(query + 1)) }
                    }
                }
            }
        }

        /// [heads][prompts]
        subscript(relation: Relation) -> [[Double]] { attention[Relation.allCases.firstIndex(of: relation)!] }

        func uniform(_ relation: Relation) -> Double { shares[Relation.allCases.firstIndex(of: relation)!].mean }

        /// [layer][head]
        func means(_ relation: Relation) -> [[Double]] { self[relation].map(\.mean).rows(of: config.heads) }
    }
}
