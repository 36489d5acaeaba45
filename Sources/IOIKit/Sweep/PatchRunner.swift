/// Caches a run of each batch of prompts and starts patched runs from it. Memory use does not grow with the number of
/// prompts.
final class PatchRunner {
    let base: ForwardPass
    private(set) lazy var pass = PatchedPass(
        base.parameters, capacity: stackedRows, longest: longest, workers: base.workers
    )
    /// Large enough for any batch.
    let capacity: BatchCapacity
    private let prompts: [Prompt]
    private let longest: Int
    private let stackedRows: Int
    private let batchSize: Int
    private let settings: RunSettings
    private let reader: MetricReader
    /// The metric in unpatched runs, if an earlier measurement found it. [prompts]
    private let known: [Double]?
    /// The ranks that divide the patched runs of a batch among them; one if they divide the prompts.
    private var divided = Ranks.alone

    /// - Parameters:
    ///   - metric: what runs are measured by.
    ///   - sites: the sites that patched runs need from the cached run (`PatchedPass.sites`).
    ///   - donorSites: the sites that a donor run of the same prompts keeps, included in the memory estimate.
    convenience init(
        _ parameters: GPT2Parameters,
        prompts: [Prompt],
        metric: Metric,
        keeping sites: Set<Site>,
        donorSites: Set<Site>,
        settings: RunSettings
    ) {
        let config = parameters.config
        let longest = prompts.map(\.tokens.count).max() ?? 1
        let bytesPerRow = PatchedPass.bytesPerRow(config, longest: longest)
        // A third of the memory for the stack, the rest for the caches. The stack holds at least one batch.
        let rows = max(longest, min(RunSettings.stackedRows, settings.memory / 3 / bytesPerRow))
        let bytesPerToken =
            Self.bytesPerToken(config, sites, longest: longest)
            + Self.bytesPerToken(config, donorSites, longest: longest)
        let tokens = min(rows, (settings.memory - rows * bytesPerRow) / bytesPerToken)
        self.init(
            parameters, prompts: prompts, metric: metric, keeping: sites, batchTokens: tokens, stackedRows: rows,
            settings: settings
        )
    }

    /// - Parameters:
    ///   - metric: what runs are measured by.
    ///   - sites: the sites kept by the cached run.
    ///   - forBackward: whether the cached run also keeps what a backward pass reads.
    ///   - batchTokens: the approximate number of tokens in a batch.
    ///   - stackedRows: the number of rows that patched runs may stack.
    init(
        _ parameters: GPT2Parameters,
        prompts: [Prompt],
        metric: Metric,
        keeping sites: Set<Site>,
        forBackward: Bool = false,
        batchTokens: Int,
        stackedRows: Int,
        settings: RunSettings
    ) {
        let lengths = prompts.map(\.tokens.count)
        longest = lengths.max() ?? 1
        batchSize = min(RunSettings.prompts, prompts.count, max(1, batchTokens / longest))
        capacity = BatchCapacity(lengths: lengths, count: batchSize, rows: .last)
        let keeping = Activations.Keeping(sites: sites, forBackward: forBackward)
        base = ForwardPass(parameters, capacity: capacity, keeping: keeping, workers: settings.workers)
        self.stackedRows = stackedRows
        self.prompts = prompts
        self.settings = settings
        reader = MetricReader(metric, parameters, workers: settings.workers)
        // A divergence is measured from the unpatched runs themselves.
        known = metric == .divergence ? nil : settings.shared?.unpatched(metric, of: parameters, prompts)
    }

    static func bytesPerToken(_ config: GPT2Config, _ sites: Set<Site>, longest: Int) -> Int {
        let floats = sites.reduce(0) { sum, site in
            switch site {
            case .pattern: sum + config.heads * longest
            case .result: sum + config.heads * config.width
            // q, k and v share one buffer.
            case .q: sum + 3 * config.width
            case .k, .v: sites.contains(.q) ? sum : sum + 3 * config.width
            default: sum + config.width
            }
        }
        return floats * config.layers * MemoryLayout<Float>.stride
    }

    /// Measures all prompts in batches.
    ///
    /// - Parameters:
    ///   - cells: the number of patched runs that `body` measures.
    ///   - input: the tokens of a prompt's unpatched run.
    ///   - runningBase: whether `body` needs that run; if not, it may still ask for `original(of:)`.
    ///   - sharingBeginnings: false if `body` writes into the cached run.
    ///   - done: measures of the first prompts, from an interrupted call.
    ///   - body: measures a batch whose unpatched run is cached, and reports the share of its work done.
    /// - Throws: errors from `body`; `IOIError` if a metric is not finite; ``PatchInterruption``.
    func measure(
        cells: Int,
        input: (Prompt) throws -> [Int] = { $0.tokens },
        runningBase: Bool = true,
        sharingBeginnings: Bool = true,
        resuming done: PatchMeasures?,
        progress: @escaping (Double) -> Void,
        body: (PromptBatch, (Double) throws -> Void) throws -> PatchMeasures
    ) throws -> PatchMeasures {
        try reader.metric.check(prompts)
        let known = done ?? PatchMeasures(cells: cells)
        // A shard measures its part alone.
        let part = settings.ranks.isShard ? settings.ranks.part(of: prompts.count) : prompts.indices
        let division = RankDivision(
            prompts: part.lowerBound + known.count..<part.upperBound, batchSize: batchSize, cells: cells,
            ranks: settings.ranks.isShard ? .alone : settings.ranks)
        divided = division.dividesRuns ? settings.ranks : .alone
        return try division.measure(known, settings, progress) { range, report in
            let packed = PackedBatch(
                try prompts[range].map(input), rows: .last, sharesBeginnings: sharingBeginnings
            )
            if runningBase { base.run(packed) }
            let batch = PromptBatch(prompts: prompts[range], packed: packed)
            reader.prepare(batch.prompts)
            let measured = try body(batch, report)
            try Self.check(measured, batch)
            return measured
        }
    }

    /// The metric of each prompt of a batch in its unpatched run, which is made unless an earlier measurement made it.
    func original(of batch: PromptBatch) -> [Double] {
        if let known { return Array(known[batch.prompts.indices]) }
        base.run(batch.packed)
        return takeOriginal()
    }

    /// The metric of each prompt in the cached run, from which the divergences of the batch's patched runs are measured.
    func takeOriginal() -> [Double] {
        let rows = Self.ends(of: base)
        reader.takeReference(rows)
        return reader.values(rows)
    }

    /// The metric of each prompt of the batch in a run of this or of another model.
    func values(of run: ForwardPass) -> [Double] {
        let reader = run.parameters === base.parameters ? reader : reader.reader(of: run.parameters)
        return reader.values(Self.ends(of: run))
    }

    /// The metric of each of some rows of the batch.
    func values(_ rows: [MetricReader.Row]) -> [Double] { reader.values(rows) }

    /// The gradients of the metric with respect to rows of the batch.
    func gradient(_ rows: [MetricReader.Row], into targets: [UnsafeMutablePointer<Float>]) {
        reader.gradient(rows, times: 1, into: targets)
    }

    /// The output of the final LayerNorm at END of each prompt.
    static func ends(of run: ForwardPass) -> [MetricReader.Row] {
        run.batch.queryOfLabel.enumerated().map { ($0.offset, UnsafePointer(run.activations.final[$0.element])) }
    }

    private static func check(_ measures: PatchMeasures, _ batch: PromptBatch) throws {
        for values in [measures.original] + measures.patched {
            for (prompt, value) in zip(batch.prompts, values) where !value.isFinite {
                throw IOIError("prompt \(prompt.id): a patched run's logits are not finite numbers")
            }
        }
    }

    /// The metric of each prompt in each variant. [variants][prompts]
    ///
    /// - Parameters:
    ///   - lasting: edits already made in the cached run, which apply to all patched runs.
    ///   - progress: called with the number of patched runs done.
    func run(
        _ variants: [PatchedRun],
        of batch: PromptBatch,
        lasting: [Edit] = [],
        progress: (Int) throws -> Void = { _ in }
    ) throws -> [[Double]] {
        try divide(variants.indices) { mine in
            var values = Array(repeating: self.values(of: base), count: variants.count)
            let prompts = batch.prompts.count
            var done = (variants.count - mine.count) * prompts
            for stack in stacks(of: variants, mine, batch) {
                let tokens = batch.tokens(of: stack.prompts)
                let ends = pass.run(
                    stack.variants.map { variants[$0].restricted(to: tokens) }, on: base, lasting: lasting)
                read(ends, of: stack.variants, batch, into: &values)
                done += stack.variants.count * stack.prompts.count
                try progress(done / prompts)
            }
            return values
        }
    }

    /// Measures patched runs, which the ranks divide among them where they do not divide the prompts.
    ///
    /// - Parameters:
    ///   - order: the runs in the order in which they diverge.
    ///   - body: measures some of them, in that order, and all that it calls. [runs][prompts]
    func divide(
        _ order: some Collection<Int>,
        _ body: ([Int]) throws -> [[Double]]
    ) throws -> [[Double]] {
        let ranks = divided
        // What is divided already is not divided again.
        divided = .alone
        defer { divided = ranks }
        let mine = order.enumerated().filter { $0.offset % ranks.count == ranks.rank }.map(\.element)
        guard ranks.count > 1 else { return try body(mine) }
        let parts = try settings.gather { try body(mine) }
        var values = parts[0]
        for (offset, run) in order.enumerated() { values[run] = parts[offset % ranks.count][run] }
        return values
    }

    /// Which of the variants `indices` run together, for which prompts of a batch. [stacks]
    ///
    /// Variants that share no rows run with all prompts, in the order in which they diverge, so that each layer gets
    /// many rows. Variants that share some run all together, with as many prompts as fit.
    private func stacks(
        of variants: [PatchedRun],
        _ indices: [Int],
        _ batch: PromptBatch
    ) -> [(prompts: Range<Int>, variants: [Int])] {
        let variants = indices.count == variants.count ? variants : variants
        let order = indices.sorted { (variants[$0].divergencePoint, $0) < (variants[$1].divergencePoint, $1) }
        let prompts = batch.packed.prompts.indices
        func counts(_ variants: some Sequence<PatchedRun>, _ prompt: Int) -> [(before: Int, after: Int)] {
            pass.rowCounts(of: variants.map { $0.restricted(to: batch.packed.prompts[prompt]) }, on: base)
        }
        func work(_ variants: [PatchedRun]) -> Int { counts(variants, 0).reduce(0) { $0 + $1.after } }
        func peak(_ order: ArraySlice<Int>, _ prompt: Int) -> Int {
            counts(order.lazy.map { variants[$0] }, prompt).reduce(0) { max($0, $1.before, $1.after) }
        }
        // Whether the first prompt's rows are a fifth fewer than those of each variant alone.
        let chosen = indices.map { variants[$0] }
        let isSharing = chosen.count > 1 && 5 * work(chosen) < 4 * chosen.reduce(0) { $0 + work([$1]) }
        guard isSharing else {
            return order.cut(capacity: pass.capacity) { variants[$0].tokens.count }.map { (prompts, Array($0)) }
        }
        let peaks = prompts.map { peak(order[...], $0) }
        return Array(prompts).cut(capacity: pass.capacity) { peaks[$0] }.flatMap { slice -> [(Range<Int>, [Int])] in
            var stacks: [(Range<Int>, [Int])] = []
            var rest = order[...]
            while !rest.isEmpty {
                var chunk = rest
                // A prompt alone may have more rows than fit.
                while slice.count == 1, chunk.count > 1, peak(chunk, slice.first!) > pass.capacity {
                    chunk = chunk.prefix(chunk.count / 2)
                }
                stacks.append((slice.first!..<slice.last! + 1, Array(chunk)))
                rest = rest.dropFirst(chunk.count)
            }
            return stacks
        }
    }

    /// Replaces the values of the prompts that patched runs change.
    ///
    /// - Parameters:
    ///   - variants: the index in `values` of each run of the stack.
    ///   - values: [variants][prompts]
    func read(
        _ ends: PatchedPass.Ends,
        of variants: some Collection<Int>,
        _ batch: PromptBatch,
        into values: inout [[Double]]
    ) {
        var (places, rows): ([Int], [MetricReader.Row]) = ([], [])
        for (run, variant) in variants.enumerated() {
            for (prompt, end) in batch.ends.enumerated() {
                guard let row = ends.row(run: run, end: end) else { continue }
                places.append(variant)
                rows.append((prompt, row.baseAddress!))
            }
        }
        for (value, (variant, row)) in zip(reader.values(rows), zip(places, rows)) {
            values[variant][row.prompt] = value
        }
    }
}

extension [Int] {
    /// Consecutive pieces whose sizes add up to at most `capacity`, but for pieces of one element.
    fileprivate func cut(capacity: Int, size: (Int) -> Int) -> [ArraySlice<Int>] {
        var pieces: [ArraySlice<Int>] = []
        var rest = self[...]
        while !rest.isEmpty {
            var total = 0
            let piece = rest.prefix { element in
                total += size(element)
                return total <= capacity
            }
            pieces.append(piece.isEmpty ? rest.prefix(1) : piece)
            rest = rest.dropFirst(pieces.last!.count)
        }
        return pieces
    }
}

/// Prompts that are run together.
struct PromptBatch {
    let prompts: ArraySlice<Prompt>
    /// The inputs of the unpatched run.
    let packed: PackedBatch

    /// The selected tokens of every prompt, in ascending order.
    func tokens(_ selections: [PositionSelection]) -> [Int] {
        zip(prompts, packed.prompts).flatMap { prompt, tokens in
            let positions = selections.flatMap { $0.positions(in: prompt.positions, count: tokens.count) }
            return Set(positions).sorted().map { tokens.lowerBound + $0 }
        }
    }

    /// The tokens at or after each prompt's position in `firsts`. Earlier tokens are the same in host and donor run.
    func tokens(_ tokens: [Int], from firsts: [Int]) -> [Int] {
        tokens.filter { token in
            let prompt = packed.promptOfToken[token]
            return token - packed.prompts[prompt].lowerBound >= firsts[prompt]
        }
    }

    /// The input of each prompt's unpatched run.
    var inputs: [[Int]] {
        packed.prompts.map { tokens in packed.rowOfToken[tokens].map { packed.tokens[$0] } }
    }

    /// The tokens of some prompts of the batch, which are numbered from 0.
    func tokens(of prompts: Range<Int>) -> Range<Int> {
        packed.prompts[prompts.lowerBound].lowerBound..<packed.prompts[prompts.upperBound - 1].upperBound
    }

    /// The last token of each prompt.
    var ends: [Int] { packed.prompts.map { $0.upperBound - 1 } }
}

/// The length of the common prefix of two inputs.
func commonPrefix(_ a: [Int], _ b: [Int]) -> Int { zip(a, b).prefix { $0 == $1 }.count }

/// A pass of a model over prompts in batches, from which several analyses can read.
enum PromptPass {
    /// - Parameters:
    ///   - sites: the sites that each run keeps, at all rows.
    ///   - isDivided: whether each rank runs only its part of the prompts; then `body` must find ``PromptColumns``, whose
    ///     parts are put together afterwards.
    ///   - body: reads a batch's run.
    /// - Throws: errors from `body`; a ``PatchInterruption`` without measures.
    static func run(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        keeping sites: Set<Site>,
        settings: RunSettings,
        divided isDivided: Bool = false,
        progress: (Double) -> Void = { _ in },
        body: (PromptBatch, ForwardPass) throws -> Void
    ) throws {
        let size = min(RunSettings.prompts, prompts.count)
        let forward = ForwardPass(
            model, capacity: BatchCapacity(lengths: prompts.map(\.tokens.count), count: size, rows: .all),
            keeping: sites, workers: settings.workers
        )
        let part = isDivided ? settings.ranks.part(of: prompts.count) : prompts.indices
        for start in stride(from: part.lowerBound, to: part.upperBound, by: size) {
            try settings.checkInterruption()
            let range = start..<min(start + size, part.upperBound)
            let batch = PromptBatch(
                prompts: prompts[range], packed: PackedBatch(prompts[range].map(\.tokens), rows: .all)
            )
            forward.run(batch.packed)
            try body(batch, forward)
            progress(Double(range.upperBound - part.lowerBound) / Double(part.count))
        }
    }
}

extension SharedPasses {
    /// A metric of unpatched runs; nil if it is not known. [prompts]
    func unpatched(_ metric: Metric, of model: GPT2Parameters, _ prompts: [Prompt]) -> [Double]? {
        result("unpatched \(metric.rawValue)", of: model, prompts)
    }

    func keep(_ values: [Double], unpatched metric: Metric, of model: GPT2Parameters, _ prompts: [Prompt]) {
        // A shard has only its part.
        guard values.count == prompts.count, unpatched(metric, of: model, prompts) == nil else { return }
        keep(values, as: "unpatched \(metric.rawValue)", of: model, prompts)
    }
}
