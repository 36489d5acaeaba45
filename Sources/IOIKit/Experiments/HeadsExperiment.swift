/// The roles of a model's heads, and how a donor's heads differ.
public struct HeadsExperiment: PromptExperiment, Equatable {
    public static let name = "heads"
    public static let later: Set<String> = ["class_attention", "twinning_mean"]

    public enum Analysis: String, CaseIterable, Codable, Sendable {
        case attribution = "dla"
        case scatter, copying, ov, inhibition, repeated, backup

        /// Those that are about no name, and so apply to prompts of any task.
        public static let general: [Analysis] = [.attribution, .ov, .repeated]
    }

    public var prompts: PromptSource
    public var analyses = Analysis.allCases
    /// The circuit whose classes are measured, and whose name movers are knocked out to find their backups: `default`
    /// or a file. If a model has no default circuit, ``HeadClassification`` determines the name movers.
    public var circuit = "default"
    public var criteria = HeadCriteria()
    /// How name movers are knocked out.
    public var ablation = Ablation()

    /// The heads for which results include values for each prompt.
    public enum PerPrompt: String, Codable, Sendable {
        /// The scatter points of name movers, negative name movers and backup name movers; for a donor, also of those
        /// of the model.
        case movers
        /// The scatter points and attributions of all heads.
        case all
    }

    /// nil for means only.
    public var perPrompt: PerPrompt?

    enum CodingKeys: String, CodingKey {
        case prompts, analyses, circuit, criteria, ablation
        case perPrompt = "per_prompt"
    }

    public init(prompts: PromptSource) { self.prompts = prompts }

    public func validate() throws {
        try IOIError.scoped("prompts", prompts.validate)
        try IOIError.scoped("ablation", ablation.validate)
        guard !analyses.isEmpty else {
            let all = Analysis.allCases.map(\.rawValue).joined(separator: ", ")
            throw IOIError.invalid("analyses", "found none, expected some of \(all)")
        }
        try IOIError.scoped("criteria", criteria.validate)
        guard ablation.kind != .optimal else { throw Ablation.needsCircuit }
    }

    public var counterfactuals: CounterfactualUse {
        let use = analyses.contains(.backup) ? ablation.use() : .none
        return use == .none && (analyses.contains(.inhibition) || analyses.contains(.backup)) ? .values : use
    }

    public var circuitName: String? { circuit }

    /// nil if no circuit belongs to the model.
    public func circuit(of model: GPT2) throws -> Circuit? {
        guard circuit != "default" || DefaultCircuit(of: model.location, model.config) != nil else { return nil }
        return try Circuit.named(circuit, for: model.config, at: model.location)
    }

    /// The name movers of the model's circuit; nil if classification determines them.
    func movers(of model: GPT2) throws -> [Head]? {
        guard analyses.contains(.backup) else { return nil }
        if let circuit = try circuit(of: model) {
            return try circuit.headClass(named: HeadClassification.Kind.nameMover.rawValue, field: "circuit").heads
        }
        guard analyses.contains(.attribution), !Set(analyses).isDisjoint(with: [.copying, .scatter]) else {
            throw IOIError.invalid(
                "analyses",
                "found backup without dla and copying or scatter, which find the name movers if no circuit belongs to the "
                    + "model \(model.location.name); expected those too, or a circuit's file"
            )
        }
        return nil
    }

    public mutating func complete(for subject: Subject) {
        if analyses == Analysis.allCases, subject.dataset?.namesIOI == false { analyses = Analysis.general }
    }

    public func run(on subject: Subject, _ work: Work) throws -> HeadsResults {
        let special = analyses.filter { !Analysis.general.contains($0) }
        if !special.isEmpty {
            try subject.requireIOI(for: "the analyses \(special.map(\.rawValue).joined(separator: ", "))")
        }
        let model = subject.model
        let donor = try subject.donor.map { _ in try subject.requireDonor() }
        // Errors in circuits are reported before any measurement.
        let movers = (model: try movers(of: model), donor: try donor.flatMap(movers))
        let classes = try classes(of: model, subject.prompts)
        let staged = StagedProgress(total: donor == nil || subject.observedHeads != nil ? 1 : 2, report: work.progress)
        var stage = work
        func next() -> Work {
            stage.progress = staged.stage(1)
            return stage
        }
        let observed =
            try subject.observedHeads
            ?? observe(model, subject.prompts, classes: classes, movers: movers.model, stagePrefix: "", next())
        guard let donor else { return HeadsResults(observed) }
        return try compare(
            model, observed, with: donor, subject.prompts, classes: classes, movers: movers.donor, next()
        )
    }

    /// Measures a model's heads, for reuse in several comparisons.
    func observe(_ model: GPT2, _ prompts: [Prompt], _ work: Work) throws -> Observation {
        try observe(
            model, prompts, classes: classes(of: model, prompts), movers: movers(of: model), stagePrefix: "", work
        )
    }

    /// The circuit's classes, of which the attention is measured: to names, and so only on prompts of IOI.
    private func classes(of model: GPT2, _ prompts: [Prompt]) throws -> [HeadClass]? {
        prompts.allSatisfy(\.positions.areIOI) ? try circuit(of: model)?.classes : nil
    }

    /// The measurements of a model's heads.
    struct Observation {
        var profile: HeadProfile
        /// Direct attributions, with heads in layer-major order. [heads][prompts]
        let attributions: [[Double]]

        var movers: [Head] {
            [.nameMover, .negative, .backup, .writer, .negativeWriter].flatMap(profile.classification!.heads(of:))
        }
    }

    /// - Parameters:
    ///   - classes: the classes of a circuit.
    ///   - heads: further heads whose scatter points are kept.
    ///   - movers: the heads to knock out; nil for the heads classified as name movers.
    ///   - stagePrefix: the prefix of stage names.
    private func observe(
        _ model: GPT2,
        _ prompts: [Prompt],
        classes: [HeadClass]?,
        keeping heads: [Head] = [],
        movers: [Head]?,
        stagePrefix: String,
        _ work: Work
    ) throws -> Observation {
        let staged = StagedProgress(total: Stage.allCases.reduce(0) { $0 + weight($1) }, report: work.progress)
        var observed = try observe(
            model.parameters, prompts, classes, tokens: model.originalTokens, settings: work.settings, staged
        )
        try patch(&observed.profile, model.parameters, prompts, movers: movers, stagePrefix: stagePrefix, work, staged)
        if perPrompt == .movers {
            let drawn = Set(observed.movers + heads)
            observed.profile.scatter?.keepPrompts(of: drawn)
        }
        work.progress(1)
        return observed
    }

    /// - Parameters:
    ///   - observed: the measurements of `model`.
    ///   - classes: the classes of the circuit of `model`.
    ///   - movers: the name movers of the donor's circuit.
    private func compare(
        _ model: GPT2,
        _ observed: Observation,
        with donor: GPT2,
        _ prompts: [Prompt],
        classes: [HeadClass]?,
        movers: [Head]?,
        _ work: Work
    ) throws -> HeadsResults {
        let staged = StagedProgress(total: 20, report: work.progress)
        let distances = try PatternDistance.measure(
            model.parameters, donor.parameters, prompts, settings: work.settings, progress: staged.stage(1)
        )
        var later = work
        later.progress = staged.stage(19)
        let other = try observe(
            donor, prompts, classes: classes, keeping: observed.movers, movers: movers, stagePrefix: "donor, ", later
        )
        var results = HeadsResults(observed)
        results.donor = other.profile
        results.comparison = HeadComparison(
            distances: distances,
            weights: try WeightChange(from: model.parameters, to: donor.parameters, workers: work.workers),
            attributions: analyses.contains(.attribution) ? (observed.attributions, other.attributions) : nil,
            classes: (observed.profile.classification!, other.profile.classification!), config: model.config,
            seed: self.prompts.seed, workers: work.workers
        )
        work.progress(1)
        return results
    }

    private enum Stage: CaseIterable { case pass, copying, ov, repeated, inhibition, backup }

    /// The approximate time of a stage relative to a pass over the prompts.
    private func weight(_ stage: Stage) -> Double {
        switch stage {
        case .pass: 1
        case .copying: analyses.contains(.copying) ? 2 : 0
        case .ov: analyses.contains(.ov) ? 1 : 0
        case .repeated: analyses.contains(.repeated) ? 1 : 0
        case .inhibition: analyses.contains(.inhibition) ? 10 : 0
        case .backup: analyses.contains(.backup) ? 6 : 0
        }
    }

    /// Runs the analyses based on one pass over the prompts and on the weights.
    ///
    /// - Parameter tokens: how many of the first tokens random ones are drawn from.
    private func observe(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        _ classes: [HeadClass]?,
        tokens: Int,
        settings: RunSettings,
        _ staged: StagedProgress
    ) throws -> Observation {
        let (config, seed, workers) = (model.config, self.prompts.seed, settings.workers)
        let analyses = Set(self.analyses)
        let namesIOI = prompts.allSatisfy(\.positions.areIOI)
        var attention = TaskAttention.Measures(config)
        var positions = PositionAttention(config, prompts.sharedPositions)
        var projections = NameProjections(model)
        var names = CopyingScore.Names()
        var sites = TaskAttention.Measures.sites.union(NameProjections.sites)
        if analyses.contains(.copying) { sites.formUnion(CopyingScore.Names.sites) }
        try settings.divide {
            try PromptPass.run(
                model, prompts, keeping: sites, settings: settings, divided: true, progress: staged.stage(weight(.pass))
            ) { batch, forward in
                if namesIOI { attention.add(batch, forward) } else { positions.add(batch, forward) }
                try projections.add(batch, forward)
                if analyses.contains(.copying) { names.add(batch, forward) }
            }
        }
        settings.join(&attention)
        settings.join(&positions)
        settings.join(&projections)
        settings.join(&names)
        var profile = HeadProfile(
            logitDifference: Estimate(meanOf: projections.differences, seed: seed),
            attention: namesIOI ? TaskAttention(attention, seed: seed, workers: workers) : nil
        )
        if !namesIOI { profile.positionAttention = positions.means(seed: seed, workers: workers) }
        profile.classAttention = classes?.filter { !$0.heads.isEmpty }.map {
            ClassAttention(name: $0.name, heads: $0.heads, attention, seed: seed)
        }
        if analyses.contains(.attribution) {
            profile.attribution = DirectLogitAttribution(
                projections, config: config, seed: seed, workers: workers,
                perPrompt: perPrompt == .all
            )
        }
        if analyses.contains(.scatter) {
            profile.scatter = AttributionScatter(
                attention, projections, seed: seed, workers: workers, perPrompt: perPrompt != nil
            )
        }
        if analyses.contains(.copying) {
            profile.copying = try CopyingScore(
                model, names, seed: seed, settings: settings, progress: staged.stage(weight(.copying))
            )
        }
        if analyses.contains(.ov) {
            profile.ov = try OVSpectra(model, settings: settings, progress: staged.stage(weight(.ov)))
        }
        if analyses.contains(.repeated) {
            profile.repeated = try RepeatedTokens(model, seed: seed, drawnFromFirst: tokens, workers: workers)
            staged.stage(weight(.repeated))(1)
        }
        let heads = config.layers * config.heads
        return Observation(profile: profile, attributions: (0..<heads).map(projections.attribution))
    }

    /// Runs the analyses based on patched runs, then classifies the heads.
    private func patch(
        _ profile: inout HeadProfile,
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        movers: [Head]?,
        stagePrefix: String,
        _ work: Work,
        _ staged: StagedProgress
    ) throws {
        let (settings, partial) = (work.settings, work.partial)
        let (config, seed, workers) = (model.config, self.prompts.seed, settings.workers)
        let cells = config.layers * config.heads
        if analyses.contains(.inhibition) {
            let flips = try InhibitionTest.Flip.allCases.map { flip in
                let progress = staged.stage(weight(.inhibition) / 2)
                let size = PatchMeasures.Size(cells: cells, prompts: prompts.count, hasDonor: true)
                let measures = try partial.measure("\(stagePrefix)\(flip.rawValue)", size) {
                    try InhibitionTest.measure(
                        flip, model, prompts, settings: settings, resuming: $0, progress: progress
                    )
                }
                return (flip, InhibitionTest.Effects(measures, heads: config.heads, seed: seed, workers: workers))
            }
            profile.inhibition = InhibitionTest(flips: Dictionary(uniqueKeysWithValues: flips))
        }
        if analyses.contains(.backup) {
            let found = HeadClassification(profile, config: config, criteria: criteria).heads(of: .nameMover)
            let movers = movers ?? found
            if !movers.isEmpty {
                func measure(without movers: [Head]) throws -> PatchMeasures {
                    let progress = staged.stage(weight(.backup) / 2)
                    let name = movers.map(\.description).joined(separator: ",")
                    let size = PatchMeasures.Size(cells: cells, prompts: prompts.count)
                    return try partial.measure("\(stagePrefix)logits without \(name)", size) {
                        try BackupMovers.measure(
                            without: movers, model, prompts, ablation: ablation, settings: settings,
                            resuming: $0, progress: progress
                        )
                    }
                }
                profile.backup = BackupMovers(
                    without: movers, (try measure(without: []), try measure(without: movers)), heads: config.heads,
                    seed: seed, workers: workers
                )
            }
        }
        profile.classification = HeadClassification(profile, config: config, criteria: criteria)
    }
}

public struct HeadsResults: Equatable, Sendable {
    public let model: HeadProfile
    /// nil without a donor.
    public fileprivate(set) var donor: HeadProfile?
    public fileprivate(set) var comparison: HeadComparison?

    fileprivate init(_ observed: HeadsExperiment.Observation) { model = observed.profile }
}

extension HeadsResults: Codable {
    enum CodingKeys: CodingKey {
        case donor, comparison
    }

    // The model's profile is inlined at the top level.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        model = try HeadProfile(from: decoder)
        donor = try container.decodeIfPresent(HeadProfile.self, forKey: .donor)
        comparison = try container.decodeIfPresent(HeadComparison.self, forKey: .comparison)
    }

    public func encode(to encoder: any Encoder) throws {
        try model.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(donor, forKey: .donor)
        try container.encodeIfPresent(comparison, forKey: .comparison)
    }
}
