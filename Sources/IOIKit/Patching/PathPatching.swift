import Foundation

/// Path patching: the effect of a sender on its receivers, through MLPs and LayerNorms but through no other head (Wang
/// et al. 2211.00593, section 3.1 and appendix B).
///
/// With attention frozen, a sender's change stays at its position, so only the MLPs above it are recomputed, at the
/// receivers' positions. The run with the receivers' new inputs starts at the earliest receiver. The results equal
/// those of four full passes up to rounding.
public struct PathPatching: Sendable {
    /// The senders patched in each run: z of heads and outputs of MLPs.
    public var cells: [[Node]]
    /// The ends of the paths, patched together. If they include `logits`, the others have no effect, because the
    /// patched final residual stream already accounts for everything before the logits.
    public var receivers: [Receiver]
    /// Whether MLPs between sender and receivers are frozen.
    public var freezesMLPs = false
    /// Whether the scales of LayerNorms between sender and receivers, including the receivers' own, are frozen.
    public var freezesLayerNorms = false
    /// Components knocked out in every run, including unpatched ones.
    public var knockout: KnockoutTarget?
    public var ablation = Ablation()
    public var metric = Metric.logitDifference

    /// - Throws: `IOIError` for `receivers` if there are none.
    public init(cells: [[Node]], receivers: [Receiver]) throws {
        guard !receivers.isEmpty else { throw IOIError.invalid("receivers", "expected at least one") }
        self.cells = cells
        self.receivers = receivers
    }

    /// - Parameters:
    ///   - reference: prompts whose counterfactuals give the knockout's means; nil for `prompts`.
    ///   - done: measures from an interrupted call.
    ///   - progress: called with the share of the work done.
    ///   - model: the model to measure.
    ///   - settings: threads, memory and interruption.
    ///   - prompts: the prompts to measure.
    /// - Returns: measures with one cell for each of `cells`.
    /// - Throws: `IOIError` if a sender or receiver does not exist, a prompt has no counterfactual, or a logit
    ///   difference is not finite; ``PatchInterruption``.
    public func measure(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        reference: [Prompt]? = nil,
        settings: RunSettings,
        resuming done: PatchMeasures? = nil,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> PatchMeasures {
        try check(model.config)
        try prompts.check(receivers.map(\.position), field: "receivers")
        try prompts.check(knockout?.positions ?? [], field: "knockout")
        let sent = Set(cells.joined().map(\.site))
        let stages = Set(sent.union(knockout?.sites ?? []).map(\.stage))
        let toLogits = receivers.contains(.logits)
        let baseSites = PatchedPass.sites(
            divergingAt: toLogits ? stages : stages.union([.qkv, .mlpOut]), freezing: frozen,
            isLive: knockout != nil || !toLogits
        )
        // With a knockout, patched runs start from the donor too.
        let donorSites = knockout == nil ? sent : baseSites
        let runner = PatchRunner(
            model, prompts: prompts, metric: metric, keeping: baseSites, donorSites: donorSites, settings: settings
        )
        let donor = ForwardPass(model, capacity: runner.capacity, keeping: donorSites, workers: settings.workers)
        let ablator = try knockout.map { knockout in
            try Ablator(
                ablation, of: model, sites: knockout.sites, prompts: prompts, reference: reference ?? prompts,
                capacity: runner.capacity, settings: settings
            )
        }
        return try runner.measure(
            cells: cells.count, sharingBeginnings: knockout == nil, resuming: done, progress: progress
        ) { batch, progress in
            let inputs = try batch.prompts.map { try $0.counterfactual() }
            let other = PromptBatch(
                prompts: batch.prompts,
                packed: PackedBatch(inputs, rows: .last, sharesBeginnings: knockout == nil)
            )
            donor.run(other.packed)
            var lasting: [Edit] = []
            if let knockout, let ablator {
                ablator.prepare(batch)
                for (run, batch) in [(donor, other), (runner.base, batch)] {
                    lasting = ablator.edits(knockout, of: batch)
                    _ = runner.pass.run([PatchedRun(lasting, of: batch.packed)], on: run, storing: true)
                }
            }
            let firsts = zip(batch.inputs, inputs).map(commonPrefix)
            var measures = PatchMeasures(cells: 0)
            measures.original = runner.takeOriginal()
            measures.patched = try patch(batch, runner, donor, firsts: firsts, lasting: lasting, progress)
            return measures
        }
    }

    /// What is frozen in a run with a sender's new output.
    private var frozen: Frozen { [.attention, freezesMLPs ? .mlps : [], freezesLayerNorms ? .layerNorms : []] }

    /// - Parameters:
    ///   - firsts: the first position at which each prompt's counterfactual differs.
    ///   - lasting: the knockout's edits.
    private func patch(
        _ batch: PromptBatch,
        _ runner: PatchRunner,
        _ donor: ForwardPass,
        firsts: [Int],
        lasting: [Edit],
        _ progress: (Double) throws -> Void
    ) throws -> [[Double]] {
        let readings = receivers.flatMap { receiver in
            let tokens = batch.tokens([receiver.position])
            return switch receiver {
            case .logits: [Reading]()
            case .heads(let input, let heads, _):
                heads.map { Reading(site: input, layer: $0.layer, head: $0.index, tokens: tokens) }
            case .mlps(let layers, _):
                layers.map { layer in
                    // A receiver that is knocked out stays so, whatever it reads.
                    let knockedOut = Set(batch.tokens(knockout?.mlps[layer] ?? []))
                    return Reading(
                        site: .mlpOut, layer: layer, head: nil, tokens: tokens.filter { !knockedOut.contains($0) }
                    )
                }
            }
        }
        let toLogits = receivers.contains(.logits)
        let sentTokens = batch.tokens(batch.tokens(receivers.map(\.position)), from: firsts)
        let variants = cells.map { senders in
            PatchedRun(senders.map { $0.edit(tokens: sentTokens, from: donor) }, tokens: sentTokens)
        }
        // Knocked-out heads are frozen with the rest of attention.
        let lastingMLPs = lasting.filter { $0.site == .mlpOut }
        let order = cells.indices.sorted { (variants[$0].divergencePoint, $0) < (variants[$1].divergencePoint, $1) }
        let size = max(1, runner.pass.capacity / max(1, sentTokens.count))
        return try runner.divide(order) { order in
            var values = Array(repeating: runner.values(of: runner.base), count: cells.count)
            for start in stride(from: 0, to: order.count, by: size) {
                let chunk = order[start..<min(start + size, order.count)]
                let (tables, ends) = runner.pass.run(
                    chunk.map { variants[$0] }, on: runner.base, lasting: lastingMLPs, freezing: frozen,
                    reading: readings, toEnd: toLogits
                )
                if let ends {
                    runner.read(ends, of: chunk, batch, into: &values)
                } else {
                    let received = chunk.enumerated().map { place, cell in
                        PatchedRun(
                            zip(readings, tables).compactMap { reading, table in
                                reading.edit(from: table, variant: place, changedBy: variants[cell], at: sentTokens)
                            },
                            of: batch.packed
                        )
                    }
                    let patched = try runner.run(received, of: batch, lasting: lasting)
                    for (cell, patched) in zip(chunk, patched) { values[cell] = patched }
                }
                try progress(Double(start + chunk.count) / Double(order.count))
            }
            return values
        }
    }

    private func check(_ config: GPT2Config) throws {
        for sender in cells.joined() {
            if let problem = config.problem(with: sender) { throw IOIError("a sender: \(problem)") }
        }
        for receiver in receivers {
            let problem: String? =
                switch receiver {
                case .logits: nil
                case .heads(_, let heads, _): heads.lazy.compactMap { config.problem(with: $0) }.first
                case .mlps(let layers, _):
                    layers.first { $0 >= config.layers }.map {
                        "found MLP \($0), expected 0 to \(config.layers - 1) in this model"
                    }
                }
            if let problem { throw IOIError.invalid("receivers", "\(receiver): \(problem)") }
        }
        try knockout?.check(config, headField: "knockout")
    }
}

extension Node {
    /// Replaces the node's output with that of the donor.
    fileprivate func edit(tokens: [Int], from donor: ForwardPass) -> Edit {
        Edit(site: site, layer: layer, head: head?.index, tokens: tokens, values: .run(donor))
    }
}

extension Reading {
    /// The edit that gives a receiver the value read in a patched run; nil if the patch cannot have changed it.
    ///
    /// - Parameter changed: the tokens computed by the patched run.
    fileprivate func edit(
        from table: ValueTable,
        variant: Int,
        changedBy sender: PatchedRun,
        at changed: [Int]
    ) -> Edit? {
        guard sender.divergencePoint < DivergencePoint(layer, head == nil ? .mlpOut : .residPre) else { return nil }
        let changed = Set(changed)
        let indices = tokens.indices.filter { changed.contains(tokens[$0]) }
        return Edit(
            site: site, layer: layer, head: head, tokens: indices.map { tokens[$0] },
            values: .table(table, rows: indices.map { variant * tokens.count + $0 }, column: 0)
        )
    }
}

/// The end of a path: the logits at END, the queries, keys or values of heads at a position, or MLPs at a position.
public enum Receiver: Hashable, Sendable, TextCoded {
    /// The final residual stream at END.
    case logits
    /// - Parameter input: q, k or v.
    case heads(input: Site, heads: [Head], position: PositionSelection)
    /// What MLPs read, by layer.
    case mlps([Int], position: PositionSelection)

    /// Parses `logits` or a form such as `q:9.9,9.6@END` or `m8,m9@END`.
    public init?(_ text: String) {
        if text == "logits" {
            self = .logits
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 1, let place = PositionSelection.suffix(of: text), let position = place.selection {
            let layers = place.name.split(separator: ",", omittingEmptySubsequences: false).map { name in
                name.first == "m" ? Int(name.dropFirst()) : nil
            }
            guard !layers.contains(where: { $0 ?? -1 < 0 }), Set(layers).count == layers.count else { return nil }
            self = .mlps(layers.compactMap { $0 }, position: position)
            return
        }
        guard parts.count == 2, let input = Site(rawValue: String(parts[0])), [.q, .k, .v].contains(input) else {
            return nil
        }
        let places = parts[1].split(separator: "@", omittingEmptySubsequences: false)
        guard places.count == 2, let position = PositionSelection(String(places[1])) else { return nil }
        let heads = places[0].split(separator: ",", omittingEmptySubsequences: false).map { Head(String($0)) }
        guard !heads.contains(nil), Set(heads).count == heads.count else { return nil }
        self = .heads(input: input, heads: heads.compactMap { $0 }, position: position)
    }

    public var description: String {
        switch self {
        case .logits: "logits"
        case .heads(let input, let heads, let position):
            "\(input.rawValue):\(heads.map(\.description).joined(separator: ","))@\(position)"
        case .mlps(let layers, let position): "\(layers.map { "m\($0)" }.joined(separator: ","))@\(position)"
        }
    }

    /// The accepted syntax, for error messages.
    public static let form =
        "\"logits\" or as in \"q:9.9,9.6@END\" (q, k or v; distinct heads) or \"m8,m9@END\" (MLPs); "
        + "after the @ \(PositionSelection.choices)"

    /// Reads receivers from a file with one per line. Blank lines and text after a # are ignored.
    ///
    /// - Throws: `IOIError` naming the line that is not a receiver.
    public static func list(contentsOf file: URL) throws -> [Receiver] {
        let text = String(decoding: try InputFile.read(file), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let receivers = try lines.enumerated().compactMap { index, line -> Receiver? in
            let spec = line.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces)
            guard !spec.isEmpty else { return nil }
            guard let receiver = Receiver(spec) else {
                throw IOIError("\(file.path) line \(index + 1): found \(spec.quoted), expected \(form)")
            }
            return receiver
        }
        guard !receivers.isEmpty else { throw IOIError("\(file.path): found no receiver, expected \(form)") }
        return receivers
    }

    /// The position at which the receiver reads.
    var position: PositionSelection {
        switch self {
        case .logits: .one(.end)
        case .heads(_, _, let position), .mlps(_, let position): position
        }
    }
}
