/// The edits of stacked runs by layer and site.
struct EditTable {
    private struct Place: Hashable {
        let layer: Int
        let site: Site
    }

    /// Each edit with its run; nil for an edit of all runs.
    private var edits: [Place: [(run: Int?, edit: Edit)]] = [:]

    /// - Parameter lasting: the edits of all runs, which are applied first.
    init(_ runs: [PatchedRun], lasting: [Edit]) {
        for edit in lasting { add(edit, of: nil) }
        for (index, run) in runs.enumerated() {
            for edit in run.edits { add(edit, of: index) }
        }
    }

    private mutating func add(_ edit: Edit, of run: Int?) {
        edits[Place(layer: edit.layer, site: edit.site), default: []].append((run, edit))
    }

    subscript(_ site: Site, _ layer: Int) -> [(run: Int?, edit: Edit)] {
        edits[Place(layer: layer, site: site)] ?? []
    }
}

// How rows get cached values and edits.
extension PatchedStack {
    /// The rows that diverge at just this stage.
    func joining(_ layer: Int, _ stage: Stage) -> Range<Int> {
        let point = DivergencePoint(layer, stage)
        return rows.count(before: point)..<rows.count(through: point)
    }

    /// Completes a site's `values` [rows, d] from the rows that are computed: with cached values for the rows that
    /// diverge here, then with the edits.
    func complete(_ site: Site, _ layer: Int, _ values: Matrix) {
        gather(site, layer, rows: joining(layer, site.stage), into: values)
        let count = diverged(layer, site.stage)
        edit(site, layer, values) { $0 < count ? $0 : nil }
        guard isStoring, base.activations.keeping.keeps(site) else { return }
        let target = base.kept(site, layer: layer)
        workers.share(count) { shares in
            for row in shares {
                target[cachedRow(site, layer, row)].update(from: values[row], count: target.columns)
            }
        }
    }

    /// The place of a row's cached values of `site`.
    private func cachedRow(_ site: Site, _ layer: Int, _ row: Int) -> Int {
        base.place(ofRow: batch.rowOfToken[rows.tokens[row]], in: site, layer: layer)!
    }

    /// Copies the cached values of a site into the same rows of `values` [rows, d].
    func gather(_ site: Site, _ layer: Int, rows range: Range<Int>, into values: Matrix) {
        guard !range.isEmpty else { return }
        base.kept(site, layer: layer).gather(
            range.map { cachedRow(site, layer, $0) }, into: values.slice(rows: range), workers: workers
        )
    }

    /// The cached residual stream [count, d] whose scales a LayerNorm takes, where they are frozen.
    func frozenScales(_ site: Site, _ layer: Int, _ count: Int) -> Matrix? {
        guard frozen.contains(.layerNorms) else { return nil }
        let cached = buffers.inner.reshaped(rows: count, columns: config.width)
        gather(site, layer, rows: 0..<count, into: cached)
        return cached
    }

    /// The output of frozen attention: cached, but computed from z where z or result is edited.
    func takeFrozenAttention(_ layer: Int) {
        let count = diverged(layer, .z)
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

    /// `output` [n, d] = `z` [n, d] · W_O + b, with edited results in place of those of their heads.
    ///
    /// - Parameter placing: the place of a row in `z`; nil where it has none.
    func project(_ layer: Int, _ z: Matrix, into output: Matrix, placing: (Int) -> Int?) {
        let weights = pass.parameters.blocks[layer]
        let width = config.headWidth
        forEachEdit(.result, layer, placing) { edit, places in
            for (_, row) in places { z.head(edit.head!, width: width)[row].update(repeating: 0, count: width) }
        }
        Linear.forward(z, weight: weights.outWeight, bias: weights.outBias, into: output, workers: workers)
        forEachEdit(.result, layer, placing) { edit, places in
            let results = buffers.mlpOut.prefix(places.count)
            switch edit.values {
            case .zero: return
            case .run(let run):
                let donated = buffers.inner.reshaped(rows: places.count, columns: width)
                run.kept(.z, layer: layer).head(edit.head!, width: width).gather(
                    places.map { edit.place(of: $0.index, in: run) }, into: donated, workers: workers
                )
                GEMM.multiply(
                    donated, run.parameters.weights(of: Head(layer, edit.head!)).output, into: results,
                    workers: workers
                )
            case .table(let table, let rows, let column):
                table.values.slice(columns: column..<column + config.width).gather(
                    places.map { rows[$0.index] }, into: results, workers: workers
                )
            }
            results.scatter(places.map(\.row), addingTo: output, workers: workers)
        }
    }

    /// Writes the edits of patterns.
    ///
    /// - Parameter patterns: those of each of the first `count` rows. [heads, ≥ keys]
    func editPatterns(_ layer: Int, _ count: Int, _ patterns: (_ row: Int) -> Matrix) {
        forEachEdit(.pattern, layer, { $0 < count ? $0 : nil }) { edit, places in
            let donated = edit.donor?.patterns(layer: layer)
            for (index, row) in places {
                let token = edit.tokens[index]
                let seen = token - batch.prompts[batch.promptOfToken[token]].lowerBound + 1
                let target = patterns(row)[edit.head!]
                if case .run(let run) = edit.values {
                    target.update(from: donated!(run.batch.rowOfToken[token], edit.head!), count: seen)
                } else {
                    edit.write(index, of: nil, into: target, offset: 0, count: seen)
                }
            }
        }
    }

    /// Writes the edits of a site into `values` [n, d].
    ///
    /// - Parameter placing: the place of a row in `values`; nil where it has none.
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

    /// Calls `body` for each edit of a site, those of all runs first, with the indices of its tokens that `placing` gives
    /// a place and those places.
    private func forEachEdit(
        _ site: Site,
        _ layer: Int,
        _ placing: (Int) -> Int?,
        _ body: (Edit, [(index: Int, row: Int)]) -> Void
    ) {
        for (run, edit) in edits[site, layer] {
            for run in run.map({ $0..<$0 + 1 }) ?? runs.indices {
                let places = edit.tokens.indices.compactMap { index -> (index: Int, row: Int)? in
                    // A row that tokens or runs share is edited as the token of the run that it was made for.
                    guard let row = rows.row(run: run, token: edit.tokens[index]), rows.runs[row] == run,
                        rows.tokens[row] == edit.tokens[index], let place = placing(row)
                    else { return nil }
                    return (index, place)
                }
                if !places.isEmpty { body(edit, places) }
            }
        }
    }
}
