/// Patched runs stacked into rows, on their way through the blocks: the state of one call of `PatchedPass.run`.
///
/// A stage computes the rows that have diverged before it. At its divergence point a row joins with cached values: its
/// residual stream (`join`), and the site at which it diverges (`complete`). Rows fork twice in a block (`fork`): before
/// the edits of what attention reads, and after it, where tokens see others' edits.
final class PatchedStack {
    let pass: PatchedPass
    let runs: [PatchedRun]
    let base: ForwardPass
    let frozen: Frozen
    let isStoring: Bool
    private let readings: [Reading]
    let tables: [ValueTable]
    /// The current rows; after the last block's keys and values only the rows of last tokens.
    private(set) var rows: PatchedRows
    private var seen: SeenEdits
    /// The residual stream of `rows`, and room for the next.
    private(set) var stream: Matrix
    private var spareStream: Matrix
    let edits: EditTable

    var config: GPT2Config { pass.parameters.config }
    var buffers: PatchedPass.Buffers { pass.buffers }
    var workers: Workers { pass.workers }
    var batch: PackedBatch { base.batch }

    init(
        _ pass: PatchedPass,
        _ runs: [PatchedRun],
        on base: ForwardPass,
        lasting: [Edit],
        freezing frozen: Frozen,
        storing: Bool = false,
        reading readings: [Reading] = []
    ) {
        precondition(!base.batch.isSharing || !storing && lasting.isEmpty, "shared rows cannot be replaced")
        precondition(
            !frozen.contains(.attention) || runs.allSatisfy { $0.edits.allSatisfy { $0.site.stage != .qkv } },
            "an edit of what is frozen"
        )
        self.pass = pass
        self.runs = runs
        self.base = base
        self.frozen = frozen
        self.readings = readings
        isStoring = storing
        let config = base.parameters.config
        tables = readings.map {
            ValueTable(
                rows: runs.count * $0.tokens.count, columns: $0.head == nil ? config.width : config.headWidth
            )
        }
        (stream, spareStream) = (pass.buffers.stream, pass.buffers.spareStream)
        edits = EditTable(runs, lasting: lasting)
        seen = SeenEdits(
            runs, edits, batch: base.batch, layers: config.layers,
            isMixing: !frozen.contains(.attention)
        )
        rows = seen.noRows
    }

    /// The first layer in which a row diverges.
    private var firstLayer: Int { runs.map(\.divergencePoint.layer).min() ?? .max }

    /// Computes everything up to the final LayerNorm at last tokens.
    func runToEnd() -> PatchedPass.Ends {
        for layer in min(firstLayer, config.layers)..<config.layers { runBlock(layer) }
        let normal = buffers.normal.prefix(rows.count)
        LayerNorm.forward(
            stream.prefix(rows.count), gamma: pass.parameters.finalGamma, beta: pass.parameters.finalBeta,
            epsilon: config.layerNormEpsilon, scales: frozenScales(.residPost, config.layers - 1, rows.count),
            into: normal, statistics: buffers.statistics, workers: workers
        )
        if isStoring { base.runFinalLayerNorm() }
        return PatchedPass.Ends(values: normal, rows: rows)
    }

    /// Computes no more than the readings need.
    func runReadings() {
        guard let last = readings.map(\.layer).max(), firstLayer <= last else { return }
        for layer in firstLayer..<last { runBlock(layer) }
        if readings.contains(where: { $0.layer == last && $0.head == nil }) {
            runBlock(last)
        } else {
            runInput(last)
        }
    }

    /// The number of rows that have diverged at a stage or before.
    func diverged(_ layer: Int, _ stage: Stage) -> Int { rows.count(through: DivergencePoint(layer, stage)) }

    // MARK: One block

    /// The residual stream [rows, d] from before a block to after it.
    private func runBlock(_ layer: Int) {
        let weights = pass.parameters.blocks[layer]
        let computed = runInput(layer)
        if frozen.contains(.attention) {
            if layer == config.layers - 1 { keepEnds() }
            fork(to: seen.rows(after: layer, from: rows))
            join(.residPre, layer, at: .z)
            takeFrozenAttention(layer)
        } else {
            let keys = runQKV(layer, computed)
            fork(to: seen.rows(after: layer, from: rows))
            runPatterns(layer, keys)
            let count = diverged(layer, .z)
            join(.residPre, layer, at: .z)
            complete(.z, layer, buffers.z)
            project(layer, buffers.z.prefix(count), into: buffers.attnOut.prefix(count)) { $0 < count ? $0 : nil }
        }
        join(.residPre, layer, at: .attnOut)
        complete(.attnOut, layer, buffers.attnOut)
        stream.prefix(diverged(layer, .attnOut)).add(buffers.attnOut, into: stream, workers: workers)
        complete(.residMid, layer, stream)

        pass.computedRows += rows.count
        let count = diverged(layer, .residMid)
        let mlpReadings = readings.enumerated().filter { $0.element.layer == layer && $0.element.head == nil }
        if !frozen.contains(.mlps) || !mlpReadings.isEmpty {
            weights.mlpForward(
                stream.prefix(count), epsilon: config.layerNormEpsilon, scales: frozenScales(.residMid, layer, count),
                normal: buffers.normal.prefix(count), statistics: buffers.statistics,
                inner: buffers.inner.prefix(count), active: buffers.inner.prefix(count),
                into: buffers.mlpOut.prefix(count), workers: workers
            )
        }
        for (index, reading) in mlpReadings {
            for (source, targets) in targets(of: reading, rows: count).enumerated() {
                for target in targets {
                    tables[index].values[target].update(from: buffers.mlpOut[source], count: config.width)
                }
            }
        }
        if frozen.contains(.mlps) { gather(.mlpOut, layer, rows: 0..<count, into: buffers.mlpOut) }
        join(.residMid, layer, at: .mlpOut)
        complete(.mlpOut, layer, buffers.mlpOut)
        stream.prefix(diverged(layer, .mlpOut)).add(buffers.mlpOut, into: stream, workers: workers)
        complete(.residPost, layer, stream)
    }

    /// The residual stream before a block, its LN1 where it is needed, and the readings of the block's heads.
    ///
    /// - Returns: the number of rows that have diverged.
    @discardableResult
    private func runInput(_ layer: Int) -> Int {
        fork(to: seen.rows(before: layer, from: rows))
        complete(.residPre, layer, stream)
        let count = diverged(layer, .residPre)
        let readings = readings.enumerated().filter { $0.element.layer == layer && $0.element.head != nil }
        guard count > 0, !frozen.contains(.attention) || !readings.isEmpty else { return count }
        let weights = pass.parameters.blocks[layer]
        LayerNorm.forward(
            stream.prefix(count), gamma: weights.ln1Gamma, beta: weights.ln1Beta, epsilon: config.layerNormEpsilon,
            scales: frozenScales(.residPre, layer, count), into: buffers.normal.prefix(count),
            statistics: buffers.statistics, workers: workers
        )
        for (index, reading) in readings { read(reading, into: tables[index].values, rows: count, weights: weights) }
        return count
    }

    private func read(_ reading: Reading, into table: Matrix, rows count: Int, weights: GPT2Parameters.Block) {
        guard let part = QKVPart(rawValue: reading.site.rawValue), let head = reading.head else {
            preconditionFailure("\(reading.site) is not what a head receives")
        }
        let targets = targets(of: reading, rows: count)
        let sources = targets.indices.filter { !targets[$0].isEmpty }
        let input = buffers.inner.reshaped(rows: sources.count, columns: config.width)
        let output = buffers.mlpOut.reshaped(rows: sources.count, columns: config.headWidth)
        buffers.normal.gather(sources, into: input, workers: workers)
        weights.headForward(
            input, part, head: head, width: config.headWidth, into: output, workers: workers
        )
        for (place, source) in sources.enumerated() {
            for target in targets[source] { table[target].update(from: output[place], count: output.columns) }
        }
    }

    /// The rows of a reading's table that each of the first `count` rows goes to.
    private func targets(of reading: Reading, rows count: Int) -> [[Int]] {
        var targets = [[Int]](repeating: [], count: count)
        for run in runs.indices {
            for (index, token) in reading.tokens.enumerated() {
                guard let row = rows.row(run: run, token: token), row < count else { continue }
                targets[row].append(run * reading.tokens.count + index)
            }
        }
        return targets
    }

    /// Continues with the rows `next`, each with the residual stream of the row that it was forked from.
    private func fork(to next: PatchedRows) {
        precondition(next.count <= pass.capacity, "\(next.count) rows in a stack of \(pass.capacity)")
        let sources = next.sources.compactMap { $0 }
        if sources.enumerated().contains(where: { $0 != $1 }) { gatherStream(sources) }
        rows = next
    }

    private func gatherStream(_ sources: [Int]) {
        stream.gather(sources, into: spareStream, workers: workers)
        swap(&stream, &spareStream)
    }

    /// Keeps the rows of last tokens alone, since no others continue in the last block.
    ///
    /// - Returns: the rows that are left.
    @discardableResult
    private func keepEnds() -> [Int] {
        let ends = rows.ends
        gatherStream(ends)
        rows.keep(ends)
        return ends
    }

    /// q, k and v [rows, 3d] from LN1's output of the first `computed` rows; in the last block q of last tokens alone.
    ///
    /// - Returns: the rows that have keys and values.
    private func runQKV(_ layer: Int, _ computed: Int) -> PatchedRows {
        let (weights, qkv) = (pass.parameters.blocks[layer], buffers.qkv)
        let isLast = layer == config.layers - 1
        weights.qkvForward(buffers.normal.prefix(computed), isLast ? .kv : .qkv, into: qkv, workers: workers)
        join(.residPre, layer, at: .qkv)
        complete(.k, layer, qkv.part(.k))
        complete(.v, layer, qkv.part(.v))
        let keys = rows
        if isLast {
            buffers.normal.gather(keepEnds(), into: buffers.z, workers: workers)
            weights.qkvForward(buffers.z.prefix(diverged(layer, .residPre)), .q, into: qkv, workers: workers)
        }
        complete(.q, layer, qkv.part(.q))
        return keys
    }

    /// Patterns and z [rows, d] of the rows that have diverged before z, each with the query of the row that it was
    /// forked from, over its own run's keys and values where there are rows and cached ones elsewhere.
    ///
    /// - Parameter keyRows: the rows that have keys and values.
    private func runPatterns(_ layer: Int, _ keyRows: PatchedRows) {
        let count = diverged(layer, .qkv)
        let (d, heads, width) = (config.width, config.heads, config.headWidth)
        let longest = buffers.patterns.columns / heads
        let cached = base.kept(.k, layer: layer)
        func patterns(_ row: Int) -> Matrix { Matrix(base: buffers.patterns[row], rows: heads, columns: longest) }
        /// Calls `body` with the start of each key that a row sees; the value begins d floats later.
        func forEachRow(_ body: (Int, UnsafeMutableBufferPointer<UnsafePointer<Float>>) -> Void) {
            workers.share(count) { shares in
                withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: longest) { keys in
                    for row in shares {
                        let (token, run) = (rows.tokens[row], rows.runs[row])
                        let first = batch.prompts[batch.promptOfToken[token]].lowerBound
                        for key in first...token {
                            keys[key - first] = UnsafePointer(
                                keyRows.row(run: run, token: key).map { buffers.qkv[$0] + d }
                                    ?? cached[batch.rowOfToken[key]]
                            )
                        }
                        body(row, UnsafeMutableBufferPointer(rebasing: keys[0...token - first]))
                    }
                }
            }
        }
        forEachRow { row, keys in
            Attention.patterns(
                query: buffers.qkv[rows.sources[row]!], keys: UnsafeBufferPointer(keys), headWidth: width,
                scale: pass.parameters.blocks[layer].attentionScale, into: patterns(row)
            )
        }
        editPatterns(layer, count, patterns)
        forEachRow { row, keys in
            for index in keys.indices { keys[index] += d }
            Attention.mix(UnsafeBufferPointer(keys), patterns: patterns(row), headWidth: width, into: buffers.z[row])
        }
    }

    /// The residual stream of the rows that diverge at a stage, from a cached `site`.
    private func join(_ site: Site, _ layer: Int, at stage: Stage) {
        gather(site, layer, rows: joining(layer, stage), into: stream)
    }
}
