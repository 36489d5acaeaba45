/// The attention of some heads on a text, on one prompt, or in the mean over prompts.
public struct AttentionExperiment: Experiment, Equatable {
    public static let name = "attention"

    /// The text that is read; nil for prompts.
    public var input: TextInput?
    /// The prompts that are read; nil for a text.
    public var prompts: PromptSource?
    /// The id of the prompt; nil for the first.
    public var prompt: Int?
    public var heads: [Head]
    /// Whether to take the mean over all prompts.
    public var mean = false

    public init(prompts: PromptSource, heads: [Head]) { (self.prompts, self.heads) = (prompts, heads) }

    public init(_ input: TextInput, heads: [Head]) { (self.input, self.heads) = (input, heads) }

    public var counterfactuals: CounterfactualUse { .none }
    public var source: PromptSource? { prompts }

    public func validate() throws {
        if let input { try IOIError.scoped("input", input.validate) }
        if let prompts { try IOIError.scoped("prompts", prompts.validate) }
        guard (input == nil) != (prompts == nil) else {
            throw IOIError.usage("expected either a text or prompts to read")
        }
        for (field, isSet) in [("mean", mean), ("prompt", prompt != nil)] where isSet && input != nil {
            throw IOIError.invalid(field, "does not go with a text, expected prompts")
        }
        if mean, prompt != nil { throw IOIError.invalid("prompt", "does not go with the mean over all prompts") }
        guard !heads.isEmpty else { throw IOIError.invalid("heads", "found none, expected heads such as 9.9,9.6") }
        if let twice = heads.first(where: { head in heads.count { $0 == head } > 1 }) {
            throw IOIError.invalid("heads", "found \(twice) twice, expected it once")
        }
    }

    public func reasonAgainstShards(on subject: Subject) -> String? { mean ? nil : "one prompt is one run" }

    public func run(on subject: Subject, _ work: Work) throws -> AttentionResults {
        let model = subject.model
        for head in heads {
            if let problem = model.config.problem(with: head) { throw IOIError.invalid("heads", problem) }
        }
        let donor = try subject.donor.map { _ in try subject.requireDonor() }
        guard let input else {
            guard !subject.prompts.isEmpty else { throw IOIError("no prompts to measure") }
            return try mean ? means(subject, donor, work) : single(subject, donor, work)
        }
        let tokens = try input.tokens(for: model)
        let ids = tokens.map(\.id)
        if let donor, let token = ids.first(where: { $0 >= donor.config.vocabularySize }) {
            throw IOIError(
                "the donor's vocab_size: found \(donor.config.vocabularySize), expected more than token \(token) of the text"
            )
        }
        return AttentionResults(
            prompt: .init(id: nil, text: input.text, tokens: ids, positions: nil),
            patterns: try patterns(ids, labels: tokens.map(\.text), model, donor, work)
        )
    }

    private func single(_ subject: Subject, _ donor: GPT2?, _ work: Work) throws -> AttentionResults {
        let prompts = subject.prompts
        guard let prompt = prompt.map({ id in prompts.first { $0.id == id } }) ?? prompts[0] else {
            throw IOIError.invalid(
                "prompt", "found \(prompt!), expected the id of a prompt, \(prompts[0].id) to \(prompts.last!.id)")
        }
        return AttentionResults(
            prompt: .init(id: prompt.id, text: prompt.text, tokens: prompt.tokens, positions: prompt.positions),
            patterns: try patterns(
                prompt.tokens, labels: Self.pieces(prompt.tokens, of: subject.model), subject.model, donor, work)
        )
    }

    /// The texts of tokens, or their numbers if the model has no tokenizer.
    private static func pieces(_ tokens: [Int], of model: GPT2) -> [String] {
        tokens.map { token in model.tokenizer.map { $0.decode([token]) } ?? "#\(token)" }
    }

    private func patterns(
        _ tokens: [Int],
        labels: [String],
        _ model: GPT2,
        _ donor: GPT2?,
        _ work: Work
    ) throws -> AttentionPatterns {
        let config = model.config
        let bytes = config.layers * config.heads * tokens.count * tokens.count * MemoryLayout<Float>.size
        guard bytes <= work.settings.memory else {
            throw IOIError.invalid(
                "memory",
                "found \((Double(work.settings.memory) / 1e9).fixed(2)), expected \((Double(bytes) / 1e9).fixed(2)) or more for "
                    + "the patterns of \(tokens.count) tokens"
            )
        }
        func matrices(_ model: GPT2) throws -> [AttentionMatrix] {
            try work.settings.checkInterruption()
            let batch = PackedBatch([tokens], rows: .all)
            let forward = ForwardPass(
                model.parameters, capacity: batch.capacity, keeping: [.pattern], workers: work.workers)
            forward.run(batch)
            return try heads.map { head in
                AttentionMatrix(
                    pattern: try tokens.indices.map { query in
                        try forward.cache.values(
                            .pattern, layer: head.layer, head: head.index, prompt: 0, position: query)
                    })
            }
        }
        let own = try matrices(model)
        work.progress(donor == nil ? 1 : 0.5)
        let others = try donor.map(matrices)
        work.progress(1)
        return AttentionPatterns(
            queries: labels, keys: labels,
            heads: heads.indices.map { index in
                let other = others?[index]
                return .init(
                    head: heads[index], model: own[index], donor: other, difference: other.map { $0 - own[index] })
            }
        )
    }

    private func means(_ subject: Subject, _ donor: GPT2?, _ work: Work) throws -> AttentionResults {
        let prompts = subject.prompts
        let places =
            [AttentionMeans.Places.named(prompts)]
            + [AttentionMeans.Places.tokens(prompts) { Self.pieces($0, of: subject.model) }].compactMap { $0 }
        let staged = StagedProgress(total: donor == nil ? 1 : 2, report: work.progress)
        func measure(_ model: GPT2) throws -> [AttentionMeans] {
            var means = places.map { AttentionMeans(heads, $0) }
            try work.settings.divide {
                try PromptPass.run(
                    model.parameters, prompts, keeping: [.pattern], settings: work.settings, divided: true,
                    progress: staged.stage(1)
                ) { batch, forward in
                    for index in means.indices { means[index].add(batch, forward) }
                }
            }
            for index in means.indices { try work.settings.join(&means[index], of: prompts.count) }
            return means
        }
        let own = try measure(subject.model)
        let others = try donor.map(measure)
        let seed = self.prompts?.seed ?? 0
        let patterns = own.indices.map { own[$0].patterns(donor: others?[$0], seed: seed, workers: work.workers) }
        return AttentionResults(
            count: prompts.count, patterns: patterns[0], places: patterns.count > 1 ? patterns[1] : nil)
    }
}

/// The attention of some heads.
public struct AttentionResults: Codable, Equatable, Sendable {
    /// What a single pattern is of.
    public struct Prompt: Codable, Equatable, Sendable {
        /// nil for a text.
        public let id: Int?
        public let text: String
        public let tokens: [Int]
        /// nil for a text.
        public let positions: Positions?
    }

    /// nil for means.
    public let prompt: Prompt?
    /// The number of prompts.
    public let count: Int
    /// Between the tokens of the prompt; in the mean over prompts, between the positions that all of them name.
    public let patterns: AttentionPatterns
    /// The mean between tokens; nil unless all prompts have one sentence and number of tokens.
    public let places: AttentionPatterns?

    init(prompt: Prompt, patterns: AttentionPatterns) {
        (self.prompt, count, self.patterns, places) = (prompt, 1, patterns, nil)
    }

    init(count: Int, patterns: AttentionPatterns, places: AttentionPatterns?) {
        (prompt, self.count, self.patterns, self.places) = (nil, count, patterns, places)
    }
}
