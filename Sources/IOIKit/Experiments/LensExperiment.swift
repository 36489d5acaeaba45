/// The logit lens on a text, or on the prompts of a task: what the residual stream says after each layer.
public struct LensExperiment: Experiment, Equatable {
    public static let name = "lens"

    /// The text that is read; nil for prompts.
    public var input: TextInput?
    /// The prompts that are read; nil for a text.
    public var prompts: PromptSource?
    /// What is measured of prompts; nil for their own: ``Metric/init(for:)``. The KL divergence is that from the model's
    /// own prediction.
    public var metric: Metric?

    /// - Parameter input: the text to read.
    public init(_ input: TextInput) { self.input = input }

    /// - Parameter prompts: the prompts to read.
    public init(prompts: PromptSource) { self.prompts = prompts }

    public var source: PromptSource? { prompts }

    public var counterfactuals: CounterfactualUse { .none }

    public func validate() throws {
        if let input { try IOIError.scoped("input", input.validate) }
        if let prompts { try IOIError.scoped("prompts", prompts.validate) }
        guard (input == nil) != (prompts == nil) else {
            throw IOIError.usage("expected either a text or prompts to read")
        }
        if input != nil, metric != nil {
            throw IOIError.invalid("metric", "does not go with a text, which has no right answer; expected prompts")
        }
    }

    public mutating func complete(for subject: Subject) {
        guard prompts != nil, metric == nil, Metric(for: subject.prompts) != .logitDifference else { return }
        metric = Metric(for: subject.prompts)
    }

    /// A single text is one run.
    public func reasonAgainstShards(on subject: Subject) -> String? { source == nil ? "a text is one run" : nil }

    public func run(on subject: Subject, _ work: Work) throws -> LensResults {
        if let input {
            let tokens = try input.tokens(for: subject.model)
            return .text(try TextLens(tokens, subject.model, work.settings, progress: work.progress))
        }
        guard let dataset = subject.dataset else { throw IOIError("no prompts to read") }
        let metric = metric ?? Metric(for: dataset.prompts)
        try metric.check(dataset.prompts)
        return .prompts(
            try PromptLens(
                dataset.prompts, metric, subject.model.parameters, seed: prompts?.seed ?? 0, work.settings,
                perPrompt: work.perPrompt, progress: work.progress))
    }
}

/// What ``LensExperiment`` finds.
public enum LensResults: Codable, Equatable, Sendable {
    /// Of a text: the top token at each position.
    case text(TextLens)
    /// Of prompts: a metric at END.
    case prompts(PromptLens)

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FieldName.self)
        self =
            container.contains("tokens")
            ? .text(try TextLens(from: decoder)) : .prompts(try PromptLens(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .text(let lens): try lens.encode(to: encoder)
        case .prompts(let lens): try lens.encode(to: encoder)
        }
    }
}
