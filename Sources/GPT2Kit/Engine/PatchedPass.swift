/// What a patched run keeps at the cached run's values.
package struct Frozen: OptionSet {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// q, k and v of every head, and so the output of attention at tokens without an edit.
    package static let attention = Frozen(rawValue: 1)
    /// The outputs of all MLPs without an edit.
    package static let mlps = Frozen(rawValue: 2)
    /// 1/√(variance + ε) of every LayerNorm.
    package static let layerNorms = Frozen(rawValue: 4)
}

/// What a head or an MLP would make of what it receives in a patched run, before anything is frozen or edited: a head's
/// q, k or v, or an MLP's output.
package struct Reading {
    /// q, k or v, or mlp_out.
    package let site: Site
    package let layer: Int
    /// nil for an MLP.
    package let head: Int?
    /// Tokens of the batch. A run must compute those of them that it changes.
    package let tokens: [Int]

    package init(site: Site, layer: Int, head: Int?, tokens: [Int]) {
        self.site = site
        self.layer = layer
        self.head = head
        self.tokens = tokens
    }
}

/// Patched runs at the cost of what they change: each leaves a cached run at its divergence point and computes only the
/// rows that can differ. Many runs of many prompts are stacked into the rows of the same products.
///
/// As an example, take a model of three layers, a prompt of five tokens and two runs: A edits z of head 1.0 at token 2,
/// B edits the MLP's output of layer 2 at token 4, the last one (END).
///
///     row   run  token  diverges at
///     0     A    2      1.z      the edit
///     1     A    3      2.qkv    sees token 2's new key and value
///     2     A    4      2.qkv    likewise
///     3     B    4      2.mlpOut the edit
///
/// Tokens 0 and 1 cannot see an edit and have no row. Rows are ordered by divergence point, so the rows that have
/// diverged are always the first ones:
///
/// - Layer 1 computes row 0: all heads' cached z, overwritten at head 0 by the edit, goes through W_O and the MLP.
/// - Layer 2 computes k and v of row 0; rows 1 and 2 join with their cached residual stream, q, k and v. Only END goes on
///   in the last layer, so row 2 is all of A that is left: its pattern is over the cached keys of tokens 0 and 1 and the
///   keys of rows 0 to 2.
/// - Row 2 then runs through W_O and the MLP; row 3 joins after it with the edited output.
/// - The final LayerNorm of both rows gives END's prediction in A and in B.
///
/// W_O and the MLP have run on 2 rows where two whole runs would take 22.
///
/// Runs share a row for as long as the token has seen the same edits in all of them: were there a third run with A's edit
/// and another at token 4 of layer 2, it would share row 0 with A, and row 2 from its input until the new edit. Then the
/// row forks: each run continues with its own copy of the residual stream.
package final class PatchedPass {
    /// The sites that the cached run must keep.
    ///
    /// - Parameters:
    ///   - stages: where in a block runs diverge.
    ///   - frozen: what is frozen in some of the runs.
    ///   - isLive: whether there are runs without frozen attention.
    package static func sites(
        divergingAt stages: Set<Stage>,
        freezing frozen: Frozen = [],
        isLive: Bool = true
    ) -> Set<Site> {
        var sites: Set<Site> = [.residPre, .residPost]
        if isLive { sites.formUnion([.q, .k, .v]) }
        if stages.contains(.z) { sites.insert(.z) }
        if stages.contains(.attnOut) || frozen.contains(.attention) { sites.insert(.attnOut) }
        if stages.contains(.residMid) || stages.contains(.mlpOut) || frozen.contains(.layerNorms) {
            sites.insert(.residMid)
        }
        if stages.contains(.mlpOut) || frozen.contains(.mlps) { sites.insert(.mlpOut) }
        return sites
    }

    let parameters: GPT2Parameters
    let workers: Workers
    /// The most rows that run together.
    package let capacity: Int
    /// The rows that all runs together have computed, in each layer from attention on.
    package internal(set) var computedRows = 0
    let buffers: Buffers
    private let arena: Arena

    /// The values of one block, shared by all blocks.
    struct Buffers {
        /// The residual stream, and room for that of rows that fork. [rows, d]
        let stream, spareStream: Matrix
        /// The output of a LayerNorm. [rows, d]
        let normal: Matrix
        /// [rows, 2]
        let statistics: Matrix
        /// [rows, 3d]
        let qkv: Matrix
        /// [rows, heads · longest prompt]
        let patterns: Matrix
        /// [rows, d]
        let z, attnOut, mlpOut: Matrix
        /// [rows, inner]
        let inner: Matrix

        init(_ arena: Arena, _ config: GPT2Config, rows: Int, longest: Int) {
            let d = config.width
            (stream, spareStream, normal) = (arena.take(rows, d), arena.take(rows, d), arena.take(rows, d))
            (statistics, qkv) = (arena.take(rows, 2), arena.take(rows, 3 * d))
            patterns = arena.take(rows, config.heads * longest)
            (z, attnOut, mlpOut) = (arena.take(rows, d), arena.take(rows, d), arena.take(rows, d))
            inner = arena.take(rows, config.innerWidth)
        }
    }

    /// - Parameters:
    ///   - capacity: the most rows that run together.
    ///   - longest: the most tokens of a prompt.
    package init(_ parameters: GPT2Parameters, capacity: Int, longest: Int, workers: Workers) {
        self.parameters = parameters
        self.workers = workers
        self.capacity = capacity
        (arena, buffers) = Arena.holding { Buffers($0, parameters.config, rows: capacity, longest: longest) }
    }

    /// The bytes of the buffers for one row.
    package static func bytesPerRow(_ config: GPT2Config, longest: Int) -> Int {
        Arena.bytes { Buffers($0, config, rows: 1, longest: longest) }
    }

    /// The final LayerNorm's output at last tokens; the next run overwrites it.
    package struct Ends {
        let values: Matrix
        let rows: PatchedRows

        /// The values at the last token of a prompt [d]; nil where the run changes nothing in the prompt.
        package func row(run: Int, end token: Int) -> UnsafeBufferPointer<Float>? {
            rows.row(run: run, token: token).map { values.row($0) }
        }
    }

    /// Runs patched runs to the end.
    ///
    /// - Parameters:
    ///   - runs: of at most `capacity` rows together.
    ///   - base: the cached run, which kept `sites`.
    ///   - lasting: edits that `base` already has and that hold in all `runs`; its prompts must not share rows.
    ///   - storing: whether the new values replace those of `base`, whose prompts must not share rows.
    package func run(
        _ runs: [PatchedRun],
        on base: ForwardPass,
        lasting: [Edit] = [],
        freezing frozen: Frozen = [],
        storing: Bool = false
    ) -> Ends {
        PatchedStack(self, runs, on: base, lasting: lasting, freezing: frozen, storing: storing).runToEnd()
    }

    /// The number of rows that each layer computes of patched runs that run together: those that attention reads, and
    /// those from there on. [layers]
    package func rowCounts(of runs: [PatchedRun], on base: ForwardPass) -> [(before: Int, after: Int)] {
        let layers = parameters.config.layers
        var seen = SeenEdits(runs, EditTable(runs, lasting: []), batch: base.batch, layers: layers, isMixing: true)
        var rows = seen.noRows
        return (0..<layers).map { layer in
            rows = seen.rows(before: layer, from: rows)
            let before = rows.count
            if layer == layers - 1 { rows.keep(rows.ends) }
            rows = seen.rows(after: layer, from: rows)
            return (before, rows.count)
        }
    }

    /// Runs patched runs as far as `readings` need, or to the end.
    ///
    /// - Returns: for each reading a table whose row i · (tokens of the reading) + j is run i's j-th token. Rows of runs
    ///   that diverge only after the reading are zero.
    package func run(
        _ runs: [PatchedRun],
        on base: ForwardPass,
        lasting: [Edit] = [],
        freezing frozen: Frozen,
        reading readings: [Reading],
        toEnd: Bool
    ) -> (tables: [ValueTable], ends: Ends?) {
        let stack = PatchedStack(self, runs, on: base, lasting: lasting, freezing: frozen, reading: readings)
        let ends = toEnd ? stack.runToEnd() : nil
        if !toEnd { stack.runReadings() }
        return (stack.tables, ends)
    }
}
