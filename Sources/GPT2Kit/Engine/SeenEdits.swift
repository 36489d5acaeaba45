/// The edits that each token of each stacked run has seen so far: its own, and through attention those of tokens before
/// it. Tokens whose cached runs begin alike and that have seen the same edits have the same values, and so one row.
///
/// What a token has seen is a digest of 64 bits. Among the 20,000 tokens of a large stack two digests of different
/// edits are equal with a probability of 1e-11.
struct SeenEdits {
    private let all: PatchedTokens
    private let edits: EditTable
    private let batch: PackedBatch
    private let layers: Int
    /// Whether tokens see others.
    private let isMixing: Bool
    /// For each token of `all` a number that is the same where the cached rows up to it are.
    private let beginnings: [UInt64]
    private var digests: [UInt64]
    /// What tokens behind each will see in the next layer, and what each sees in the present one; 0 for nothing.
    private var hidden, arriving: [UInt64]

    /// Tokens behind see these sites in the same layer, in k and v.
    private static let inputs: [Site] = [.residPre, .k, .v]
    /// They see these only in the next layer.
    private static let queries: [Site] = [.q, .pattern]
    private static let outputs = Site.allCases.filter { $0.stage > .qkv }

    /// - Parameters:
    ///   - layers: of the model.
    ///   - isMixing: whether attention is computed; if not, tokens see only their own edits.
    init(_ runs: [PatchedRun], _ edits: EditTable, batch: PackedBatch, layers: Int, isMixing: Bool) {
        all = PatchedTokens(runs, batch: batch, layers: layers)
        (self.edits, self.batch, self.layers, self.isMixing) = (edits, batch, layers, isMixing)
        var beginning: [UInt64] = []
        for tokens in batch.prompts {
            var digest: UInt64 = 0
            for token in tokens {
                digest = Self.mix(digest, UInt64(batch.rowOfToken[token]))
                beginning.append(digest)
            }
        }
        beginnings = all.tokens.map { beginning[$0] }
        digests = Array(repeating: 0, count: all.indices.count)
        (hidden, arriving) = (digests, digests)
    }

    /// The rows before the first layer.
    var noRows: PatchedRows {
        PatchedRows(of: all, firsts: [], places: Array(repeating: -1, count: all.indices.count), from: nil)
    }

    /// The rows that a layer's attention reads.
    ///
    /// - Parameter previous: the rows after the layer before.
    mutating func rows(before layer: Int, from previous: PatchedRows) -> PatchedRows {
        let inputs = own(Self.inputs, layer)
        var queries = own(Self.queries, layer)
        var seen: UInt64 = 0
        for index in all.indices {
            let point = all.divergencePoints[index]
            if point.layer == layer, point.stage <= .qkv {
                queries[index] = Self.mix(queries[index], point.digest)
            }
            let isFirst = index == 0 || all.runs[index - 1] != all.runs[index]
            if isFirst || all.prompts[index - 1] != all.prompts[index] { seen = 0 }
            if isMixing, hidden[index] | inputs[index] != 0 {
                let row = UInt64(batch.rowOfToken[all.tokens[index]])
                seen = Self.mix(Self.mix(Self.mix(seen, row), hidden[index]), inputs[index])
            }
            arriving[index] = seen
            hidden[index] = queries[index]
        }
        let isNew = [add(inputs), add(queries)].contains(true)
        return isNew ? rows(through: DivergencePoint(layer, .qkv), from: previous) : previous.unforked
    }

    /// The rows that a layer computes from attention's output on; in the last layer only the rows of last tokens.
    ///
    /// - Parameter previous: the rows that attention reads.
    mutating func rows(after layer: Int, from previous: PatchedRows) -> PatchedRows {
        var outputs = own(Self.outputs, layer)
        for index in all.indices {
            let point = all.divergencePoints[index]
            if point.layer == layer, point.stage > .qkv { outputs[index] = Self.mix(outputs[index], point.digest) }
            if outputs[index] != 0 { hidden[index] = Self.mix(hidden[index], outputs[index]) }
        }
        let isNew = [add(arriving), add(outputs)].contains(true)
        return isNew ? rows(through: DivergencePoint(layer, .residPost), from: previous) : previous.unforked
    }

    /// - Returns: whether there was anything to add.
    private mutating func add(_ more: [UInt64]) -> Bool {
        var isNew = false
        for index in all.indices where more[index] != 0 {
            digests[index] = Self.mix(digests[index], more[index])
            isNew = true
        }
        return isNew
    }

    private func rows(through point: DivergencePoint, from previous: PatchedRows) -> PatchedRows {
        var known: [UInt64: Int32] = [:]
        var firsts: [Int] = []
        var places = [Int32](repeating: -1, count: all.indices.count)
        let isEnd = point == DivergencePoint(layers - 1, .residPost)
        for index in all.indices where all.divergencePoints[index] <= point {
            if isEnd, !all.isLast[index] { continue }
            let key = Self.mix(beginnings[index], digests[index])
            if let row = known[key] {
                places[index] = row
            } else {
                places[index] = Int32(firsts.count)
                known[key] = places[index]
                firsts.append(index)
            }
        }
        return PatchedRows(of: all, firsts: firsts, places: places, from: previous)
    }

    /// A digest of the edits of each token itself at some sites of a layer; 0 for none.
    private func own(_ sites: [Site], _ layer: Int) -> [UInt64] {
        var digests = [UInt64](repeating: 0, count: all.indices.count)
        for site in sites {
            for (run, edit) in edits[site, layer] {
                // The edits of all runs are in the cached run too.
                guard let run else { continue }
                let kind = edit.digest
                for (position, token) in edit.tokens.enumerated() {
                    guard let index = all.index(run: run, token: token) else { continue }
                    digests[index] = Self.mix(Self.mix(digests[index], kind), edit.source(of: position))
                }
            }
        }
        return digests
    }

    /// A digest of a digest and a number, by SplitMix64's function.
    static func mix(_ digest: UInt64, _ number: UInt64) -> UInt64 {
        var z = (digest << 23 | digest >> 41) &+ 0x9e37_79b9_7f4a_7c15 ^ number
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

extension Edit {
    /// A digest of where the edit is made and of the kind of its source.
    fileprivate var digest: UInt64 {
        let source: UInt64 =
            switch values {
            case .zero: 0
            case .run(let run): UInt64(UInt(bitPattern: ObjectIdentifier(run)))
            case .table(let table, _, let column):
                SeenEdits.mix(UInt64(UInt(bitPattern: ObjectIdentifier(table))), UInt64(column))
            }
        let place = UInt64(layer) << 32 | UInt64((head ?? -1) + 1) << 8 | UInt64(Site.allCases.firstIndex(of: site)!)
        return SeenEdits.mix(place, source)
    }

    /// The row of the source from which the i-th token gets its values.
    fileprivate func source(of index: Int) -> UInt64 {
        switch values {
        case .zero: 0
        case .run(let run): UInt64(run.batch.rowOfToken[tokens[index]])
        case .table(_, let rows, _): UInt64(rows[index])
        }
    }
}

extension DivergencePoint {
    fileprivate var digest: UInt64 { UInt64(layer + 1) << 8 | UInt64(stage.rawValue) }
}
