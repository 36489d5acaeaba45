/// `ioi circuit validate`: whether a circuit needs each of its heads, and whether it has all.
public struct ValidateJob: Sendable {
    public let options: ValidateOptions
    public let circuit: Circuit
    /// K of each head; nil where there is no minimality, or a search has to find them.
    private let minimalitySets: [Head: Set<Head>]?

    /// - Throws: `IOIError` for a circuit that cannot be read or does not fit the model, and of kind `usage` for options
    ///   that cannot be.
    public init(_ options: ValidateOptions, model: GPT2) throws {
        guard options.minimality != nil || options.completeness != nil else {
            throw IOIError.usage("expected minimality, completeness or both")
        }
        self.options = options
        let circuit = try Circuit.named(options.circuit, for: model.config, at: model.location)
        self.circuit = circuit
        minimalitySets = try options.minimality.flatMap { try Minimality.sets($0, for: circuit) }
    }

    /// First the searches, each on a sample of the prompts; then all sets at once, on all prompts.
    ///
    /// - Throws: `IOIError` where prompts and options do not fit each other; `PatchInterruption`.
    public func run(
        _ model: GPT2,
        _ dataset: Dataset,
        settings: RunSettings,
        partial: PartialResults,
        perPrompt: Bool,
        progress: @escaping (Double) -> Void
    ) throws -> ValidateResults {
        let seed = options.prompts.seed
        let reference = try options.prompts.reference(count: options.reference, for: model) ?? dataset.prompts
        func subsets(_ name: String, _ prompts: [Prompt]) -> CircuitSubsets {
            CircuitSubsets(
                of: circuit.positions(everywhere: options.everywhere), in: model.parameters, prompts,
                reference: reference, ablation: options.ablation, settings: settings, name: name,
                measuring: partial.measure
            )
        }
        let all = subsets("all", dataset.prompts)
        let drawn = options.greedy.sample(dataset.prompts, seed: seed)
        let sample = drawn.count == all.count ? all : subsets("sample", drawn)
        let weights = Weights(options, circuit, prompts: all.count, sample: sample.count)
        let stages = StagedProgress(total: weights.total, report: progress)

        let minimalitySets =
            options.minimality == .greedy
            ? try Minimality.greedySets(
                for: circuit, options.greedy, seed: seed, sample, progress: stages.stage(weights.minimalitySearch)
            ) : minimalitySets ?? [:]
        var candidates: [Completeness.Candidate] = []
        if let kinds = options.completeness {
            candidates = Completeness.candidates(kinds, of: circuit, randomSets: options.randomSets, seed: seed)
            for objective in kinds.contains(.greedy) ? options.objectives : [] {
                candidates += try Completeness.greedyCandidates(
                    objective, of: circuit, options.greedy, seed: seed, sample,
                    progress: stages.stage(weights.search(objective))
                )
            }
        }

        let ofModel = candidates.map(\.k)
        var ofCircuit: [Set<Head>] = [[]] + ofModel
        for head in circuit.heads {
            if let k = minimalitySets[head] { ofCircuit += [k, k.union([head])] }
        }
        try all.runCircuit(without: ofCircuit, stage: "sets", progress: stages.stage(weights.circuit))
        try all.runModel(without: ofModel, stage: "sets", progress: stages.stage(weights.model))
        let figures = all.figures(circuit: ofCircuit, model: ofModel, seed: seed)
        return ValidateResults(
            circuit, figures, minimalitySets: minimalitySets, candidates: candidates, perPrompt: perPrompt ? all : nil
        )
    }

    /// About how many runs of a prompt each stage takes.
    private struct Weights {
        let minimalitySearch: Double
        private let changeSearch: Double
        let circuit: Double
        let model: Double
        let total: Double

        init(_ options: ValidateOptions, _ circuit: Circuit, prompts: Int, sample: Int) {
            let search = options.greedy
            let kinds = options.completeness ?? []
            let objectives = kinds.contains(.greedy) ? options.objectives : []
            let sets =
                1 + (kinds.contains(.random) ? options.randomSets : 0)
                + (kinds.contains(.headClass) ? circuit.classes.count : 0) + objectives.count * search.runs
            let minimalitySets = options.minimality == nil ? 0 : 2 * circuit.heads.count
            let proposals = search.steps * search.candidates * sample
            minimalitySearch = Double(2 * circuit.heads.count * proposals)
            changeSearch = Double(search.runs * proposals)
            self.circuit = Double((minimalitySets + sets) * prompts)
            // Without the empty set nothing is knocked out.
            model = Double((sets - 1) * prompts)
            var total = self.circuit + model
            if options.minimality == .greedy { total += minimalitySearch }
            for objective in objectives { total += (objective == .gap ? 2 : 1) * changeSearch }
            self.total = total
        }

        func search(_ objective: Completeness.Objective) -> Double {
            (objective == .gap ? 2 : 1) * changeSearch
        }
    }
}
