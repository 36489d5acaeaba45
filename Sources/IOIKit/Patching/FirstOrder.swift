/// The effects of patched runs to first order, all of them from one forward and one backward pass of the host.
///
/// A run that takes the values x′ of some sites from a donor changes the metric m by about Σ (x′ − x) · ∂m/∂x, over the
/// sites and tokens that it edits, where x and the gradient are those of the host's own run. The method is Nanda's attribution patching ("Attribution Patching: Activation Patching At Industrial Scale",
/// 2023; for edges Syed et al. 2310.10348).
///
/// It errs where m bends between x and x′ (Kramár et al. 2403.00745). Where the softmax of an attention pattern is
/// saturated, its gradient is nearly zero, and a patch of q or k that would turn the attention elsewhere looks
/// harmless; so does any earlier patch that acts through such a pattern. LayerNorm bends most for patches of the whole
/// residual stream. The estimate of a set of heads is the sum of its heads': it counts what one head changes through
/// another one of the set, which a patch of both would not let through.
final class FirstOrder {
    /// A site whose change is needed.
    private struct Place: Hashable {
        let site: Site
        let layer: Int
        /// nil for the sites that no head has.
        let head: Int?
    }

    private let runner: PatchRunner
    private let host, donor: ForwardPass
    private let backward: BackwardPass
    /// The gradients of z if W_O were the donor's. [queries, d]
    private let donorGradient: ValueTable
    /// How much each token changes the metric. [places][tokens]
    private var changes: [Place: [Double]] = [:]
    /// Whether a run edits each token.
    private var isEdited: [Bool] = []

    /// - Parameters:
    ///   - runner: its cached run, of the host, keeps what a backward pass reads, and the sites that are edited.
    ///   - capacity: that of the host.
    ///   - donor: the run that all edits take their values from.
    init(_ runner: PatchRunner, capacity: BatchCapacity, donor: ForwardPass) {
        (self.runner, host, self.donor) = (runner, runner.base, donor)
        backward = BackwardPass(host, ofParameters: false)
        donorGradient = ValueTable(rows: capacity.rows, columns: host.parameters.config.width)
    }

    /// The metric of each prompt in each variant. [variants][prompts]
    ///
    /// - Parameters:
    ///   - batch: was run by the host; its prompts share no rows, so that each has gradients of its own.
    ///   - progress: called with the share of the work done.
    func run(
        _ variants: [PatchedRun],
        of batch: PromptBatch,
        progress: (Double) throws -> Void
    ) rethrows -> [[Double]] {
        try progress(0)
        precondition(!batch.packed.isSharing, "gradients of shared rows")
        let edits = variants.flatMap(\.edits)
        isEdited = Array(repeating: false, count: batch.packed.rowOfToken.count)
        for token in edits.lazy.map(\.tokens).joined() { isEdited[token] = true }
        changes = Dictionary(edits.map { (Place(site: $0.site, layer: $0.layer, head: $0.head), []) }) { first, _ in
            first
        }
        backward.run { final in
            runner.gradient(PatchRunner.ends(of: host), into: batch.packed.queryOfLabel.map { final[$0] })
        } showing: {
            take($0)
        }
        let original = runner.values(of: host)
        return variants.map { variant in
            var differences = original
            for edit in variant.edits {
                let change = changes[Place(site: edit.site, layer: edit.layer, head: edit.head)]!
                for token in edit.tokens { differences[batch.packed.promptOfToken[token]] += change[token] }
            }
            return differences
        }
    }

    private func take(_ step: BackwardPass.Step) {
        switch step {
        case .residual(let site, let layer, let gradient):
            takeChanges(of: site, layer, gradient)
            // The stream's gradient is that of what has just been added to it.
            if site == .residPost { takeChanges(of: .mlpOut, layer, gradient) }
            guard site == .residMid else { return }
            takeChanges(of: .attnOut, layer, gradient)
            if changes.keys.contains(where: { $0.site == .result }) {
                GEMM.multiply(
                    gradient, donor.parameters.blocks[layer].outWeight.transposed,
                    into: donorGradient.values.prefix(gradient.rows), workers: host.workers
                )
            }
        case .z(let layer, let gradient):
            takeChanges(of: .z, layer, gradient)
            takeChanges(of: .result, layer, gradient, donor: donorGradient.values.prefix(gradient.rows))
            takePatternChanges(layer, gradient)
        case .heads(let layer, let q, let k, let v):
            takeChanges(of: .q, layer, q)
            takeChanges(of: .k, layer, k)
            takeChanges(of: .v, layer, v)
        case .mlpInput, .block: return
        }
    }

    /// Sets the changes of the wanted places of a site in a layer.
    ///
    /// - Parameter change: that of one token, which has the given rows in the host's and in the donor's run of the site.
    private func takeChanges(
        of site: Site,
        _ layer: Int,
        _ change: (_ head: Int?, _ token: Int, _ row: Int, _ donorRow: Int) -> Double
    ) {
        let places = changes.keys.filter { $0.site == site && $0.layer == layer }
        let found = host.workers.map(places.count) { index in
            isEdited.indices.map { token -> Double in
                // A row that the last layer does not compute changes nothing.
                guard isEdited[token], let row = host.place(ofRow: token, in: site, layer: layer),
                    let donorRow = donor.place(ofRow: donor.batch.rowOfToken[token], in: site, layer: layer)
                else { return 0 }
                return change(places[index].head, token, row, donorRow)
            }
        }
        for (place, values) in zip(places, found) { changes[place] = values }
    }

    /// Sets the changes of a site whose values are rows of one matrix.
    ///
    /// - Parameters:
    ///   - gradient: that of the site, or of z for a head's result. [rows or queries, d]
    ///   - donorGradient: what the donor's values are multiplied by, if not by the same.
    private func takeChanges(
        of site: Site,
        _ layer: Int,
        _ gradient: Matrix,
        donor donorGradient: Matrix? = nil
    ) {
        guard changes.keys.contains(where: { $0.site == site && $0.layer == layer }) else { return }
        let kept = site == .result ? .z : site
        let (own, donated) = (host.kept(kept, layer: layer), donor.kept(kept, layer: layer))
        let (donorGradient, width) = (donorGradient ?? gradient, host.parameters.config.headWidth)
        takeChanges(of: site, layer) { head, _, row, donorRow in
            let band = head.map { $0 * width..<($0 + 1) * width } ?? 0..<own.columns
            let (x, dX, y, dY) = (own[row], gradient[row], donated[donorRow], donorGradient[row])
            return band.reduce(0) { $0 + Double(y[$1]) * Double(dY[$1]) - Double(x[$1]) * Double(dX[$1]) }
        }
    }

    /// Sets the changes of patterns: the gradient of a query's attention to a key is the gradient of the query's z times
    /// the key's v.
    private func takePatternChanges(_ layer: Int, _ gradient: Matrix) {
        guard changes.keys.contains(where: { $0.site == .pattern && $0.layer == layer }) else { return }
        let (own, donated) = (host.patterns(layer: layer), donor.patterns(layer: layer))
        let (v, width) = (host.kept(.v, layer: layer), host.parameters.config.headWidth)
        takeChanges(of: .pattern, layer) { head, token, row, _ in
            let first = host.batch.prompts[host.batch.promptOfToken[token]].lowerBound
            let (x, y) = (own(token, head!), donated(donor.batch.rowOfToken[token], head!))
            return (first...token).reduce(0) { sum, key in
                let (dZ, v) = (gradient[row] + head! * width, v[key] + head! * width)
                let product = (0..<width).reduce(0) { $0 + Double(dZ[$1]) * Double(v[$1]) }
                return sum + (Double(y[key - first]) - Double(x[key - first])) * product
            }
        }
    }
}

extension PatchRunner {
    /// A runner for ``FirstOrder``, whose cached run keeps what a backward pass reads.
    ///
    /// - Parameters:
    ///   - sites: the sites that are edited, which the donor run keeps as well.
    ///   - metric: not a divergence, whose gradient is 0 in the unpatched run.
    convenience init(
        forFirstOrderOf sites: Set<Site>,
        _ parameters: GPT2Parameters,
        prompts: [Prompt],
        metric: Metric,
        settings: RunSettings
    ) {
        let config = parameters.config
        let longest = prompts.map(\.tokens.count).max() ?? 1
        let keeping = Activations.Keeping(sites: sites, forBackward: true).sites
        // Beside sites, each layer keeps the outputs of two LayerNorms and both sides of the activation; the backward
        // pass takes about as much as one layer.
        let others = (config.layers + 1) * (2 * config.width + 2 * config.innerWidth) * MemoryLayout<Float>.stride
        let bytes = others + [keeping, sites].reduce(0) { $0 + Self.bytesPerToken(config, $1, longest: longest) }
        self.init(
            parameters, prompts: prompts, metric: metric, keeping: sites, forBackward: true,
            batchTokens: settings.memory / bytes, stackedRows: longest, settings: settings
        )
    }
}
