/// The attention of some heads on each of many prompts, between places that all prompts have.
struct AttentionMeans: PromptColumns {
    /// The tokens that rows and columns stand for.
    struct Places {
        let queries, keys: [String]
        /// The token of each place in a prompt.
        let tokens: (Prompt) -> [Int]
        /// Whether the last column is the attention to all other tokens.
        let hasRest: Bool

        /// The positions that all prompts name.
        static func named(_ prompts: [Prompt]) -> Places {
            let names = prompts.sharedPositions
            return Places(
                queries: names.map(\.text), keys: names.map(\.text) + [AttentionPatterns.elsewhere],
                tokens: { prompt in names.map { prompt.positions[$0]! } }, hasRest: true
            )
        }

        /// Every token; nil unless all prompts have the same sentence and number of tokens.
        ///
        /// - Parameter pieces: the texts of tokens.
        static func tokens(_ prompts: [Prompt], pieces: ([Int]) -> [String]) -> Places? {
            guard let first = prompts.first, prompts.count > 1,
                prompts.allSatisfy({ $0.template == first.template && $0.tokens.count == first.tokens.count })
            else { return nil }
            let labels = first.tokens.indices.map { place in
                if prompts.allSatisfy({ $0.tokens[place] == first.tokens[place] }) {
                    return pieces([first.tokens[place]])[0]
                }
                guard let name = first.positions.name(of: place),
                    prompts.allSatisfy({ $0.positions[name] == place })
                else { return "token \(place)" }
                return name.text
            }
            return Places(
                queries: labels, keys: labels, tokens: { Array($0.tokens.indices) }, hasRest: false)
        }
    }

    private let places: Places
    private let heads: [Head]
    /// [queries][heads][keys][prompts]
    private var attention: [[[[Double]]]]
    /// 1 for prompts that have the key at or before the query, else 0. [queries][keys][prompts]
    private var reached: [[[Double]]]

    init(_ heads: [Head], _ places: Places) {
        (self.heads, self.places) = (heads, places)
        let keys = [[Double]](repeating: [], count: places.keys.count)
        attention = places.queries.map { _ in heads.map { _ in keys } }
        reached = places.queries.map { _ in keys }
    }

    var columns: [[Double]] {
        get { attention.flatMap { $0.flatMap { $0 } } + reached.flatMap { $0 } }
        set {
            let keys = places.keys.count
            let reaching = places.queries.count * keys
            attention = newValue.dropLast(reaching).rows(of: keys).rows(of: heads.count)
            reached = newValue.suffix(reaching).rows(of: keys)
        }
    }

    /// - Parameter forward: kept the patterns.
    mutating func add(_ batch: PromptBatch, _ forward: ForwardPass) {
        let readers = Dictionary(
            uniqueKeysWithValues: Set(heads.map(\.layer)).map { ($0, forward.patterns(layer: $0)) })
        for (prompt, range) in zip(batch.prompts, batch.packed.prompts) {
            let tokens = places.tokens(prompt)
            for (query, place) in tokens.enumerated() {
                let row = batch.packed.rowOfToken[range.lowerBound + place]
                for (index, head) in heads.enumerated() {
                    let pattern = readers[head.layer]!(row, head.index)
                    var rest = Set(0...place)
                    for (key, token) in tokens.enumerated() {
                        attention[query][index][key].append(token <= place ? Double(pattern[token]) : 0)
                        rest.remove(token)
                    }
                    guard places.hasRest else { continue }
                    attention[query][index][tokens.count].append(rest.reduce(0) { $0 + Double(pattern[$1]) })
                }
                for (key, token) in tokens.enumerated() { reached[query][key].append(token <= place ? 1 : 0) }
                if places.hasRest {
                    let seen = Set(tokens.filter { $0 <= place }).count
                    reached[query][tokens.count].append(seen <= place ? 1 : 0)
                }
            }
        }
    }

    /// The means over prompts, with intervals if there are several prompts.
    ///
    /// - Parameters:
    ///   - donor: of the same heads and prompts.
    ///   - seed: for the bootstrap intervals.
    ///   - workers: the threads that compute.
    func patterns(donor: AttentionMeans?, seed: UInt64, workers: Workers) -> AttentionPatterns {
        let isReached = reached.map { $0.map { $0.contains(1) } }
        func matrix(_ index: Int, _ column: (Int, Int) -> [Double]) -> AttentionMatrix {
            var (value, ci95) = ([[Double?]](), [[[Double]?]]())
            for query in attention.indices {
                let row = places.keys.indices.map { column(query, $0) }
                let estimates =
                    row[0].count > 1 ? Self.estimates(row, seed, workers) : row.map { Estimate(value: $0[0]) }
                value.append(zip(estimates, isReached[query]).map { $1 ? $0.value : nil })
                ci95.append(zip(estimates, isReached[query]).map { $1 ? $0.ci95 : nil })
            }
            let isSingle = attention.first?[0][0].count == 1
            return AttentionMatrix(value: value, ci95: isSingle ? nil : ci95)
        }
        let maps = heads.enumerated().map { index, head in
            AttentionPatterns.Map(
                head: head, model: matrix(index) { attention[$0][index][$1] },
                donor: donor.map { donor in matrix(index) { donor.attention[$0][index][$1] } },
                difference: donor.map { donor in
                    matrix(index) { zip(donor.attention[$0][index][$1], attention[$0][index][$1]).map { $0 - $1 } }
                }
            )
        }
        return AttentionPatterns(queries: places.queries, keys: places.keys, heads: maps)
    }

    /// The means of the columns of a row, which share their resamples.
    private static func estimates(_ row: [[Double]], _ seed: UInt64, _ workers: Workers) -> [Estimate] {
        let sums = ResampledSums(row, seed: seed, workers: workers)
        return row.indices.map { column in sums.estimate { $0[column] / sums.count } }
    }
}
