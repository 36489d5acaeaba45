/// What a patched run keeps from the cached one, whatever its own values would be.
package struct Held: OptionSet {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// q, k and v of every head, and with them what attention adds at tokens that no edit names.
    package static let attention = Held(rawValue: 1)
    /// The outputs of all MLPs that no edit names.
    package static let mlps = Held(rawValue: 2)
    /// 1/√(variance + ε) of every LayerNorm.
    package static let layerNorms = Held(rawValue: 4)
}

/// What a head would receive: its q, k or v before anything is held or edited.
package struct Reading {
    /// q, k or v.
    package let site: Site
    package let head: Head
    /// Tokens of the batch; a variant must compute those of them that it changes.
    package let tokens: [Int]

    package init(site: Site, head: Head, tokens: [Int]) {
        self.site = site
        self.head = head
        self.tokens = tokens
    }
}

/// Patched runs: each leaves a cached run at its first edit and computes again only the rows that can change, from
/// there on; many variants of many prompts are stacked into the rows of the same products.
package final class EditedPass {
    /// What the cached run must have kept.
    ///
    /// - Parameters:
    ///   - entries: where in a block variants leave the cached run.
    ///   - held: what some of the runs hold.
    ///   - isLive: whether there are runs that hold no attention.
    package static func sites(entries: Set<Stage>, holding held: Held = [], isLive: Bool = true) -> Set<Site> {
        var sites: Set<Site> = [.residPre, .residPost]
        if isLive { sites.formUnion([.q, .k, .v]) }
        if entries.contains(.z) { sites.insert(.z) }
        if entries.contains(.attnOut) || held.contains(.attention) { sites.insert(.attnOut) }
        if entries.contains(.residMid) || entries.contains(.mlpOut) || held.contains(.layerNorms) {
            sites.insert(.residMid)
        }
        if entries.contains(.mlpOut) || held.contains(.mlps) { sites.insert(.mlpOut) }
        return sites
    }

    let parameters: GPT2Parameters
    let workers: Workers
    /// The most rows that run together.
    package let capacity: Int
    let buffers: Buffers
    private let arena: Arena

    /// One block's values, shared by all blocks.
    struct Buffers {
        /// [rows, d]: the residual stream; `endStream` at the last tokens, in the last block.
        let stream, endStream: Matrix
        /// [rows, d]: the output of a LayerNorm.
        let normal: Matrix
        /// [rows, 2].
        let statistics: Matrix
        /// [rows, 3d].
        let qkv: Matrix
        /// [rows, heads · longest prompt].
        let patterns: Matrix
        /// [rows, d].
        let z, attnOut, mlpOut: Matrix
        /// [rows, inner].
        let inner: Matrix
    }

    /// - Parameters:
    ///   - capacity: the most rows that will run together.
    ///   - longest: the most tokens of a prompt.
    package init(_ parameters: GPT2Parameters, capacity: Int, longest: Int, workers: Workers) {
        self.parameters = parameters
        self.workers = workers
        self.capacity = capacity
        let config = parameters.config
        let d = config.width
        (arena, buffers) = Arena.holding { arena in
            Buffers(
                stream: arena.take(capacity, d), endStream: arena.take(capacity, d), normal: arena.take(capacity, d),
                statistics: arena.take(capacity, 2), qkv: arena.take(capacity, 3 * d),
                patterns: arena.take(capacity, config.heads * longest), z: arena.take(capacity, d),
                attnOut: arena.take(capacity, d), mlpOut: arena.take(capacity, d),
                inner: arena.take(capacity, config.innerWidth)
            )
        }
    }

    /// The bytes of the buffers for a row.
    package static func bytesPerRow(_ config: GPT2Config, longest: Int) -> Int {
        (9 * config.width + 2 + config.heads * longest + config.innerWidth) * MemoryLayout<Float>.stride
    }

    /// The final LayerNorm's output at the last tokens; the next run overwrites it.
    package struct Ends {
        fileprivate let values: Matrix
        fileprivate let rows: EditedRows

        /// [d] for the last token of a prompt; nil where the variant changes nothing in the prompt.
        package func row(variant: Int, end token: Int) -> UnsafeBufferPointer<Float>? {
            rows.place(variant: variant, token: token).map { values.row($0) }
        }
    }

    /// Runs `variants` to the end.
    ///
    /// - Parameters:
    ///   - variants: together at most `capacity` rows.
    ///   - base: the cached run, which kept `sites`.
    ///   - lasting: edits that were made in `base` already and hold in its variants.
    ///   - sharing: whether tokens that share a row in `base` share one here: their edits must be the same.
    ///   - storing: whether the new values replace those of `base`, whose prompts then share no rows.
    package func run(
        _ variants: [Variant],
        on base: ForwardPass,
        lasting: [Edit] = [],
        holding held: Held = [],
        sharing: Bool = false,
        storing: Bool = false
    ) -> Ends {
        let run = EditedRun(
            pass: self, variants: variants, base: base, lasting: lasting, held: held, sharing: sharing,
            isStoring: storing
        )
        return run.runToEnd()
    }

    /// Runs `variants` as far as `readings` need, and on to the end where `toEnd` says so.
    ///
    /// - Returns: for each reading a table whose row i · (tokens of the reading) + j is variant i's j-th token. Rows of
    ///   variants that enter only after the reading's place are zero.
    package func run(
        _ variants: [Variant],
        on base: ForwardPass,
        lasting: [Edit] = [],
        holding held: Held,
        reading readings: [Reading],
        toEnd: Bool
    ) -> (tables: [ValueTable], ends: Ends?) {
        let run = EditedRun(
            pass: self, variants: variants, base: base, lasting: lasting, held: held, readings: readings
        )
        guard !toEnd else {
            let ends = run.runToEnd()
            return (run.tables, ends)
        }
        run.runReadings()
        return (run.tables, nil)
    }
}

/// The state of one call of `EditedPass.run`.
private final class EditedRun {
    private let pass: EditedPass
    private let variants: [Variant]
    private let base: ForwardPass
    private let held: Held
    private let isStoring: Bool
    private let readings: [Reading]
    let tables: [ValueTable]
    /// Every row.
    private let all: EditedRows
    /// The rows that go on: all of them up to the last block's keys and values, from there on those of last tokens.
    private var rows: EditedRows
    /// The residual stream of `rows`.
    private var stream: Matrix
    /// By layer and site: the edits and, but for those of all variants, the variant that each belongs to.
    private var edits: [Place: [(variant: Int?, edit: Edit)]] = [:]

    private struct Place: Hashable {
        let layer: Int
        let site: Site
    }

    private var config: GPT2Config { pass.parameters.config }
    private var buffers: EditedPass.Buffers { pass.buffers }
    private var workers: Workers { pass.workers }
    private var batch: PackedBatch { base.batch }

    init(
        pass: EditedPass,
        variants: [Variant],
        base: ForwardPass,
        lasting: [Edit],
        held: Held,
        sharing: Bool = false,
        isStoring: Bool = false,
        readings: [Reading] = []
    ) {
        precondition(!isStoring || !base.batch.isSharing, "shared rows cannot be replaced")
        precondition(
            !held.contains(.attention) || variants.allSatisfy { $0.edits.allSatisfy { $0.site.stage != .qkv } },
            "an edit of what is held"
        )
        self.pass = pass
        self.variants = variants
        self.base = base
        self.held = held
        self.isStoring = isStoring
        self.readings = readings
        tables = readings.map {
            ValueTable(rows: variants.count * $0.tokens.count, columns: base.parameters.config.headWidth)
        }
        all = EditedRows(
            variants, batch: base.batch, layers: base.parameters.config.layers, sharing: sharing
        )
        precondition(
            all.count <= pass.capacity, "\(all.count) rows are more than the \(pass.capacity) there is room for")
        rows = all
        stream = pass.buffers.stream
        for edit in lasting { edits[Place(layer: edit.layer, site: edit.site), default: []].append((nil, edit)) }
        for (index, variant) in variants.enumerated() {
            for edit in variant.edits {
                edits[Place(layer: edit.layer, site: edit.site), default: []].append((index, edit))
            }
        }
    }

    /// The first layer in which a row leaves the cached run.
    private var firstLayer: Int { variants.map(\.entry.layer).min() ?? .max }

    func runToEnd() -> EditedPass.Ends {
        for layer in min(firstLayer, config.layers)..<config.layers {
            runAttention(layer)
            runMLP(layer)
        }
        let normal = buffers.normal.prefix(rows.count)
        LayerNorm.forward(
            stream.prefix(rows.count), gamma: pass.parameters.finalGamma, beta: pass.parameters.finalBeta,
            epsilon: config.layerNormEpsilon, scales: heldScales(.residPost, config.layers - 1, rows.count),
            into: normal, statistics: buffers.statistics, workers: workers
        )
        if isStoring { base.runFinalLayerNorm() }
        return EditedPass.Ends(values: normal, rows: rows)
    }

    /// Goes on just until all readings are done.
    func runReadings() {
        guard let last = readings.map(\.head.layer).max(), firstLayer <= last else { return }
        for layer in firstLayer..<last {
            runAttention(layer)
            runMLP(layer)
        }
        enter(last)
    }

    // MARK: One block

    /// Brings the residual stream before a block up to date and reads what its heads receive.
    ///
    /// - Returns: how many rows have left the cached run.
    @discardableResult
    private func enter(_ layer: Int) -> Int {
        settle(.residPre, layer, stream)
        let count = rows.count(through: Entry(layer, .residPre))
        let readings = readings.enumerated().filter { $0.element.head.layer == layer }
        guard count > 0, !held.contains(.attention) || !readings.isEmpty else { return count }
        let weights = pass.parameters.blocks[layer]
        LayerNorm.forward(
            stream.prefix(count), gamma: weights.ln1Gamma, beta: weights.ln1Beta, epsilon: config.layerNormEpsilon,
            scales: heldScales(.residPre, layer, count), into: buffers.normal.prefix(count),
            statistics: buffers.statistics, workers: workers
        )
        for (index, reading) in readings { read(reading, into: tables[index].values, rows: count, weights: weights) }
        return count
    }

    private func read(_ reading: Reading, into table: Matrix, rows count: Int, weights: GPT2Parameters.Block) {
        var (sources, targets) = ([Int](), [Int]())
        for variant in variants.indices {
            for (index, token) in reading.tokens.enumerated() {
                guard let row = rows.place(variant: variant, token: token), row < count else { continue }
                sources.append(row)
                targets.append(variant * reading.tokens.count + index)
            }
        }
        let part: Int =
            switch reading.site {
            case .q: 0
            case .k: 1
            case .v: 2
            default: preconditionFailure("\(reading.site) is not what a head receives")
            }
        let first = part * config.width + reading.head.index * config.headWidth
        let columns = first..<first + config.headWidth
        let input = buffers.inner.flattened(rows: sources.count, columns: config.width)
        let output = buffers.mlpOut.flattened(rows: sources.count, columns: config.headWidth)
        buffers.normal.gather(sources, into: input, workers: workers)
        Linear.forward(
            input, weight: weights.qkvWeight.slice(columns: columns), bias: weights.qkvBias.slice(columns: columns),
            into: output, workers: workers
        )
        for (source, target) in targets.enumerated() {
            table[target].update(from: output[source], count: output.columns)
        }
    }

    /// From the residual stream before a block to what attention adds to it.
    private func runAttention(_ layer: Int) {
        let computed = enter(layer)
        if held.contains(.attention) {
            if layer == config.layers - 1 { keepEnds(computed) }
            join(.residPre, layer, Entry(layer, .z))
            holdAttention(layer)
        } else {
            runQueriesKeysValues(layer, computed)
            runPatterns(layer)
            let joined = rows.count(through: Entry(layer, .z))
            join(.residPre, layer, Entry(layer, .z))
            settle(.z, layer, buffers.z)
            project(layer, buffers.z.prefix(joined), into: buffers.attnOut.prefix(joined)) { $0 < joined ? $0 : nil }
        }
        join(.residPre, layer, Entry(layer, .attnOut))
        settle(.attnOut, layer, buffers.attnOut)
    }

    /// In the last block only last tokens go on; their residual stream and, where it was computed, its LayerNorm are
    /// gathered for the first `computed` rows.
    private func keepEnds(_ computed: Int) {
        let lasts = Set(batch.prompts.map { $0.upperBound - 1 })
        let kept = rows.tokens.indices.filter { lasts.contains(rows.tokens[$0]) }
        let gathered = Array(kept.prefix { $0 < computed })
        stream.gather(gathered, into: buffers.endStream, workers: workers)
        stream = buffers.endStream
        buffers.normal.gather(gathered, into: buffers.z, workers: workers)
        rows.keep(kept)
    }

    private func runQueriesKeysValues(_ layer: Int, _ computed: Int) {
        let weights = pass.parameters.blocks[layer]
        let (d, qkv) = (config.width, buffers.qkv)
        let (q, kv) = (qkv.slice(columns: 0..<d), qkv.slice(columns: d..<3 * d))
        func compute(_ input: Matrix, _ columns: Range<Int>) {
            Linear.forward(
                input, weight: weights.qkvWeight.slice(columns: columns), bias: weights.qkvBias.slice(columns: columns),
                into: qkv.slice(columns: columns).prefix(input.rows), workers: workers
            )
        }
        let isLast = layer == config.layers - 1
        compute(buffers.normal.prefix(computed), isLast ? d..<3 * d : 0..<3 * d)
        join(.residPre, layer, Entry(layer, .qkv))
        settle(.k, layer, kv.slice(columns: 0..<d))
        settle(.v, layer, kv.slice(columns: d..<2 * d))
        if isLast {
            keepEnds(rows.count(through: Entry(layer, .qkv)))
            compute(buffers.z.prefix(rows.count(through: Entry(layer, .residPre))), 0..<d)
        }
        settle(.q, layer, q)
    }

    /// Patterns and z of every row that has left the cached run before z.
    private func runPatterns(_ layer: Int) {
        let count = rows.count(through: Entry(layer, .qkv))
        // Among the rows before the last block lets go of all but last tokens, those that have keys and values here.
        let live = all.count(through: Entry(layer, .qkv))
        let (d, heads, width) = (config.width, config.heads, config.headWidth)
        let longest = buffers.patterns.columns / heads
        let cached = base.kept(.k, layer: layer)
        func patterns(_ row: Int) -> Matrix { Matrix(base: buffers.patterns[row], rows: heads, columns: longest) }
        /// Calls `body` with where the keys that each row sees begin; the values follow d floats later.
        func forEachRow(_ body: (Int, UnsafeMutableBufferPointer<UnsafePointer<Float>>) -> Void) {
            workers.share(count) { shares in
                withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: longest) { keys in
                    for row in shares {
                        let (token, variant) = (rows.tokens[row], rows.variants[row])
                        let first = batch.prompts[batch.promptOfToken[token]].lowerBound
                        for key in first...token {
                            let place = all.place(variant: variant, token: key).flatMap { $0 < live ? $0 : nil }
                            keys[key - first] = UnsafePointer(
                                place.map { buffers.qkv[$0] + d } ?? cached[batch.rowOfToken[key]]
                            )
                        }
                        body(row, UnsafeMutableBufferPointer(rebasing: keys[0...token - first]))
                    }
                }
            }
        }
        forEachRow { row, keys in
            Attention.patterns(
                query: buffers.qkv[row], keys: UnsafeBufferPointer(keys), headWidth: width, into: patterns(row)
            )
        }
        editPatterns(layer, count, patterns)
        forEachRow { row, keys in
            for index in keys.indices { keys[index] += d }
            Attention.mix(UnsafeBufferPointer(keys), patterns: patterns(row), headWidth: width, into: buffers.z[row])
        }
    }

    private func editPatterns(_ layer: Int, _ count: Int, _ patterns: (Int) -> Matrix) {
        forEachEdit(.pattern, layer, { $0 < count ? $0 : nil }) { edit, places in
            let donated = edit.donor?.patterns(layer: layer)
            for (index, row) in places {
                let token = edit.tokens[index]
                let seen = token - batch.prompts[batch.promptOfToken[token]].lowerBound + 1
                let target = patterns(row)[edit.head!]
                switch edit.values {
                case .zero: target.update(repeating: 0, count: seen)
                case .run(let run):
                    target.update(from: donated!(run.batch.rowOfToken[token], edit.head!), count: seen)
                case .table(let table, let rows, let column):
                    target.update(from: table.values[rows[index]] + column, count: seen)
                }
            }
        }
    }

    /// What attention adds where q, k and v are held: the cached values, but where z or result is edited.
    private func holdAttention(_ layer: Int) {
        let count = rows.count(through: Entry(layer, .z))
        gather(.attnOut, layer, rows: 0..<count, into: buffers.attnOut)
        var edited = Set<Int>()
        for site in [Site.z, .result] {
            forEachEdit(site, layer, { $0 < count ? $0 : nil }) { _, places in edited.formUnion(places.map(\.row)) }
        }
        guard !edited.isEmpty else { return }
        let order = edited.sorted()
        let places = Dictionary(uniqueKeysWithValues: zip(order, order.indices))
        let (z, output) = (buffers.z.prefix(order.count), buffers.normal.prefix(order.count))
        let cached = base.kept(.z, layer: layer)
        cached.gather(order.map { cachedRow(.z, layer, $0) }, into: z, workers: workers)
        edit(.z, layer, z) { places[$0] }
        project(layer, z, into: output) { places[$0] }
        for (place, row) in order.enumerated() {
            buffers.attnOut[row].update(from: output[place], count: output.columns)
        }
    }

    /// `output` [n, d] = `z` [n, d] · W_O + b, edited results in place of those of their heads.
    private func project(_ layer: Int, _ z: Matrix, into output: Matrix, placing: (Int) -> Int?) {
        let weights = pass.parameters.blocks[layer]
        let width = config.headWidth
        forEachEdit(.result, layer, placing) { edit, places in
            for (_, row) in places { (z[row] + edit.head! * width).update(repeating: 0, count: width) }
        }
        Linear.forward(z, weight: weights.outWeight, bias: weights.outBias, into: output, workers: workers)
        forEachEdit(.result, layer, placing) { edit, places in
            let results = buffers.mlpOut.prefix(places.count)
            switch edit.values {
            case .zero: return
            case .run(let run):
                let band = edit.head! * width..<(edit.head! + 1) * width
                let donated = buffers.inner.flattened(rows: places.count, columns: width)
                run.kept(.z, layer: layer).slice(columns: band).gather(
                    places.map { run.place(ofRow: run.batch.rowOfToken[edit.tokens[$0.index]], in: .z, layer: layer)! },
                    into: donated, workers: workers
                )
                GEMM.multiply(
                    donated, run.parameters.blocks[layer].outWeight.slice(rows: band), into: results, workers: workers
                )
            case .table(let table, let rows, let column):
                table.values.slice(columns: column..<column + config.width).gather(
                    places.map { rows[$0.index] }, into: results, workers: workers
                )
            }
            results.scatter(places.map(\.row), addingTo: output, workers: workers)
        }
    }

    /// From what attention adds to the residual stream after a block.
    private func runMLP(_ layer: Int) {
        let weights = pass.parameters.blocks[layer]
        let attended = rows.count(through: Entry(layer, .attnOut))
        stream.prefix(attended).add(buffers.attnOut, into: stream, workers: workers)
        settle(.residMid, layer, stream)

        let count = rows.count(through: Entry(layer, .residMid))
        if held.contains(.mlps) {
            gather(.mlpOut, layer, rows: 0..<count, into: buffers.mlpOut)
        } else {
            let (normal, inner) = (buffers.normal.prefix(count), buffers.inner.prefix(count))
            LayerNorm.forward(
                stream.prefix(count), gamma: weights.ln2Gamma, beta: weights.ln2Beta, epsilon: config.layerNormEpsilon,
                scales: heldScales(.residMid, layer, count), into: normal, statistics: buffers.statistics,
                workers: workers
            )
            Linear.forward(
                normal, weight: weights.innerWeight, bias: weights.innerBias, into: inner, workers: workers
            )
            GELU.forward(inner, into: inner, workers: workers)
            Linear.forward(
                inner, weight: weights.outerWeight, bias: weights.outerBias, into: buffers.mlpOut.prefix(count),
                workers: workers
            )
        }
        join(.residMid, layer, Entry(layer, .mlpOut))
        settle(.mlpOut, layer, buffers.mlpOut)
        let added = rows.count(through: Entry(layer, .mlpOut))
        stream.prefix(added).add(buffers.mlpOut, into: stream, workers: workers)
        settle(.residPost, layer, stream)
    }

    // MARK: Cached values and edits

    /// The rows that leave the cached run at just `entry`.
    private func joining(_ entry: Entry) -> Range<Int> { rows.count(before: entry)..<rows.count(through: entry) }

    /// Gives the rows that leave the cached run at `entry` their residual stream.
    private func join(_ site: Site, _ layer: Int, _ entry: Entry) {
        gather(site, layer, rows: joining(entry), into: stream)
    }

    /// Completes `values` [rows, d], which holds a site where it was computed: cached values for the rows that join,
    /// then the edits.
    private func settle(_ site: Site, _ layer: Int, _ values: Matrix) {
        let entry = Entry(layer, site.stage)
        gather(site, layer, rows: joining(entry), into: values)
        let count = rows.count(through: entry)
        edit(site, layer, values) { $0 < count ? $0 : nil }
        guard isStoring, base.activations.keeping.keeps(site) else { return }
        let target = base.kept(site, layer: layer)
        workers.share(count) { shares in
            for row in shares {
                target[cachedRow(site, layer, row)].update(from: values[row], count: target.columns)
            }
        }
    }

    /// Where the cached values of `site` for a row stand.
    private func cachedRow(_ site: Site, _ layer: Int, _ row: Int) -> Int {
        base.place(ofRow: batch.rowOfToken[rows.tokens[row]], in: site, layer: layer)!
    }

    /// Copies the cached values of a site.
    private func gather(_ site: Site, _ layer: Int, rows range: Range<Int>, into values: Matrix) {
        guard !range.isEmpty else { return }
        base.kept(site, layer: layer).gather(
            range.map { cachedRow(site, layer, $0) }, into: values.slice(rows: range), workers: workers
        )
    }

    /// The cached rows whose scales a LayerNorm of the stream keeps, where they are held.
    private func heldScales(_ site: Site, _ layer: Int, _ count: Int) -> Matrix? {
        guard held.contains(.layerNorms) else { return nil }
        let cached = buffers.inner.flattened(rows: count, columns: config.width)
        gather(site, layer, rows: 0..<count, into: cached)
        return cached
    }

    /// Writes the edits of a site into `values`.
    ///
    /// - Parameter placing: where in `values` a row stands; nil where it is not.
    private func edit(_ site: Site, _ layer: Int, _ values: Matrix, placing: (Int) -> Int?) {
        forEachEdit(site, layer, placing) { edit, places in
            let count = edit.head == nil ? values.columns : config.headWidth
            let offset = (edit.head ?? 0) * count
            let donated = edit.donor?.kept(site, layer: layer)
            for (index, row) in places {
                edit.write(index, of: donated, into: values[row] + offset, offset: offset, count: count)
            }
        }
    }

    /// Calls `body` for each edit of a site, first those of all variants, with the index in its tokens and the row of
    /// each place that it has among the rows that `placing` places.
    private func forEachEdit(
        _ site: Site,
        _ layer: Int,
        _ placing: (Int) -> Int?,
        _ body: (Edit, [(index: Int, row: Int)]) -> Void
    ) {
        for (variant, edit) in edits[Place(layer: layer, site: site)] ?? [] {
            for variant in variant.map({ $0..<$0 + 1 }) ?? variants.indices {
                let places = edit.tokens.indices.compactMap { index -> (index: Int, row: Int)? in
                    // A row that several tokens share is edited for its own.
                    guard let row = rows.place(variant: variant, token: edit.tokens[index]),
                        rows.tokens[row] == edit.tokens[index], let place = placing(row)
                    else { return nil }
                    return (index, place)
                }
                if !places.isEmpty { body(edit, places) }
            }
        }
    }
}

extension Matrix {
    /// The beginning of the same memory as another shape.
    fileprivate func flattened(rows: Int, columns: Int) -> Matrix {
        precondition(stride == self.columns && rows * columns <= self.rows * self.columns, "a larger shape")
        return Matrix(base: base, rows: rows, columns: columns)
    }
}
