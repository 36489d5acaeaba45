/// `ioi heads`: what each head of a model does, and what is different about another model's.
public struct HeadsJob: Sendable {
    public let options: HeadsOptions
    /// The name movers of the circuits that belong to the models; nil where they are to be found.
    private let movers: [[Head]?]

    /// - Throws: `IOIError` of kind `usage` for options that do not go together, and for a circuit without name movers;
    ///   `IOIError` for a circuit that cannot be read, and for models of different shapes.
    public init(_ options: HeadsOptions, model: GPT2, donor: GPT2? = nil) throws {
        guard !options.analyses.isEmpty else {
            let all = HeadsOptions.Analysis.allCases.map(\.rawValue).joined(separator: ", ")
            throw IOIError.usage("--analyses: found none, expected some of \(all)")
        }
        try options.criteria.check()
        guard options.ablation.kind != .optimal else { throw Ablation.needsCircuit }
        if let donor { try model.config.checkShape(of: donor.config) }
        self.options = options
        movers = try ([model] + [donor].compactMap { $0 }).map { model in
            guard options.analyses.contains(.backup) else { return nil }
            if options.circuit != "default" || DataDirectory.circuit(of: model.location) != nil {
                let circuit = try Circuit.named(options.circuit, for: model.config, at: model.location)
                let name = HeadClassification.Kind.nameMover.rawValue
                return try circuit.headClass(named: name, flag: "--circuit").heads
            }
            let analyses = Set(options.analyses)
            guard analyses.contains(.attribution), !analyses.isDisjoint(with: [.copying, .scatter]) else {
                throw IOIError.usage(
                    "--analyses: found backup without dla and copying or scatter, which find the name movers where no "
                        + "circuit belongs to the model \(model.location.name); expected those too, or --circuit FILE"
                )
            }
            return nil
        }
    }

    /// - Parameters:
    ///   - donor: the model that is compared.
    ///   - partial: where interrupted sweeps go on from.
    ///   - progress: told what share of the work is done.
    /// - Throws: `IOIError` where prompts do not fit the analyses or a figure is not finite; `PatchInterruption`.
    public func run(
        _ model: GPT2,
        donor: GPT2?,
        _ dataset: Dataset,
        settings: RunSettings,
        partial: PartialResults,
        progress: @escaping (Double) -> Void
    ) throws -> HeadsResults {
        let staged = StagedProgress(total: donor == nil ? 1 : 2, report: progress)
        let observed = try observe(
            model, .model, dataset, settings: settings, partial: partial, progress: staged.stage(1)
        )
        guard let donor else { return HeadsResults(model: observed.profile) }
        return try compare(
            model, observed, with: donor, dataset, settings: settings, partial: partial, progress: staged.stage(1)
        )
    }

    /// What was measured of a model's heads, and what comparing it with another's takes.
    struct Observation {
        var profile: HeadProfile
        /// Direct attributions of all heads, layer by layer. [heads][prompts]
        let attributions: [[Double]]

        var movers: [Head] {
            [.nameMover, .negative, .backup].flatMap(profile.classification!.heads(of:))
        }
    }

    enum Role: Int {
        case model, donor

        /// What its stages' names begin with.
        fileprivate var stage: String { self == .model ? "" : "donor, " }
    }

    /// - Parameter heads: whose points are kept beside those of its movers.
    func observe(
        _ model: GPT2,
        _ role: Role,
        _ dataset: Dataset,
        keeping heads: [Head] = [],
        settings: RunSettings,
        partial: PartialResults,
        progress: @escaping (Double) -> Void
    ) throws -> Observation {
        let staged = StagedProgress(total: Stage.allCases.reduce(0) { $0 + weight($1) }, report: progress)
        var observed = try observe(model.parameters, dataset.prompts, settings: settings, staged)
        try patch(
            &observed.profile, model.parameters, dataset.prompts, movers: movers[role.rawValue], stage: role.stage,
            settings: settings, partial: partial, staged
        )
        if options.perPrompt == .movers {
            let drawn = Set(observed.movers + heads)
            observed.profile.scatter?.keepPrompts(of: drawn)
        }
        progress(1)
        return observed
    }

    /// - Parameter observed: of `model`.
    func compare(
        _ model: GPT2,
        _ observed: Observation,
        with donor: GPT2,
        _ dataset: Dataset,
        settings: RunSettings,
        partial: PartialResults,
        progress: @escaping (Double) -> Void
    ) throws -> HeadsResults {
        let staged = StagedProgress(total: 20, report: progress)
        let distances = try PatternDistance.measure(
            model.parameters, donor.parameters, dataset.prompts, settings: settings, progress: staged.stage(1)
        )
        let other = try observe(
            donor, .donor, dataset, keeping: observed.movers, settings: settings, partial: partial,
            progress: staged.stage(19)
        )
        var results = HeadsResults(model: observed.profile)
        results.donor = other.profile
        results.comparison = HeadComparison(
            distances: distances,
            weights: try WeightChange(from: model.parameters, to: donor.parameters, workers: settings.workers),
            attributions: options.analyses.contains(.attribution) ? (observed.attributions, other.attributions) : nil,
            classes: (observed.profile.classification!, other.profile.classification!), config: model.config,
            seed: options.prompts.seed, workers: settings.workers
        )
        progress(1)
        return results
    }

    /// How long stages take beside a pass over the prompts, about.
    private enum Stage: CaseIterable { case pass, copying, ov, repeated, inhibition, backup }

    private func weight(_ stage: Stage) -> Double {
        switch stage {
        case .pass: 1
        case .copying: options.analyses.contains(.copying) ? 2 : 0
        case .ov: options.analyses.contains(.ov) ? 1 : 0
        case .repeated: options.analyses.contains(.repeated) ? 1 : 0
        case .inhibition: options.analyses.contains(.inhibition) ? 10 : 0
        case .backup: options.analyses.contains(.backup) ? 6 : 0
        }
    }

    /// What is read from one pass over the prompts and from the weights.
    private func observe(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        settings: RunSettings,
        _ staged: StagedProgress
    ) throws -> Observation {
        let (config, seed, workers) = (model.config, options.prompts.seed, settings.workers)
        let analyses = Set(options.analyses)
        var attention = TaskAttention.Measures(config)
        var projections = NameProjections(model)
        var names = CopyingScore.Names()
        var sites = TaskAttention.Measures.sites.union(NameProjections.sites)
        if analyses.contains(.copying) { sites.formUnion(CopyingScore.Names.sites) }
        try PromptPass.run(
            model, prompts, keeping: sites, settings: settings, progress: staged.stage(weight(.pass))
        ) { batch, forward in
            attention.add(batch, forward)
            try projections.add(batch, forward)
            if analyses.contains(.copying) { names.add(batch, forward) }
        }
        var profile = HeadProfile(
            logitDifference: Estimate(meanOf: projections.differences, seed: seed),
            attention: TaskAttention(attention, seed: seed, workers: workers)
        )
        if analyses.contains(.attribution) {
            profile.attribution = DirectLogitAttribution(
                projections, config: config, seed: seed, workers: workers,
                perPrompt: options.perPrompt == .all
            )
        }
        if analyses.contains(.scatter) {
            profile.scatter = AttributionScatter(
                attention, projections, seed: seed, workers: workers, perPrompt: options.perPrompt != nil
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
            profile.repeated = try RepeatedTokens(model, seed: seed, workers: workers)
            staged.stage(weight(.repeated))(1)
        }
        let heads = config.layers * config.heads
        return Observation(profile: profile, attributions: (0..<heads).map(projections.attribution))
    }

    /// What patched runs tell, and the classes.
    ///
    /// - Parameters:
    ///   - movers: knocked out; where they are nil, the heads that the rules call name movers.
    ///   - stage: what the stages' names begin with.
    private func patch(
        _ profile: inout HeadProfile,
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        movers: [Head]?,
        stage: String,
        settings: RunSettings,
        partial: PartialResults,
        _ staged: StagedProgress
    ) throws {
        let (config, seed, workers) = (model.config, options.prompts.seed, settings.workers)
        if options.analyses.contains(.inhibition) {
            let flips = try InhibitionTest.Flip.allCases.map { flip in
                let progress = staged.stage(weight(.inhibition) / 2)
                let measures = try partial.measure("\(stage)\(flip.rawValue)") {
                    try InhibitionTest.measure(
                        flip, model, prompts, settings: settings, resuming: $0, progress: progress
                    )
                }
                return (flip, InhibitionTest.Effects(measures, heads: config.heads, seed: seed, workers: workers))
            }
            profile.inhibition = InhibitionTest(flips: Dictionary(uniqueKeysWithValues: flips))
        }
        if options.analyses.contains(.backup) {
            let found = HeadClassification(profile, config: config, criteria: options.criteria).heads(of: .nameMover)
            let movers = movers ?? found
            if !movers.isEmpty {
                func measure(without movers: [Head]) throws -> PatchMeasures {
                    let progress = staged.stage(weight(.backup) / 2)
                    let name = movers.map(\.description).joined(separator: ",")
                    return try partial.measure("\(stage)logits without \(name)") {
                        try BackupMovers.measure(
                            without: movers, model, prompts, ablation: options.ablation, settings: settings,
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
        profile.classification = HeadClassification(profile, config: config, criteria: options.criteria)
    }
}
