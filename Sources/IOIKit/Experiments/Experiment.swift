/// A measurement of a model. Its stored properties are its options, as written to results files.
///
/// A command builds an experiment from its flags, verification decodes one from a results file, and a plan runs one for
/// each of its measurements. All of them run it in the same way and get the same ``Results``, which reports decode as
/// well. ``Experiments`` lists all experiments.
public protocol Experiment: Codable, Sendable {
    /// The `results` of a results file.
    associatedtype Results: Codable & Sendable

    /// The `command` of a results file, such as `circuit discover`.
    static var name: String { get }

    /// Fields of the results that only describe others in words, and so are not compared.
    static var uncompared: Set<String> { get }

    /// Fields of the results that older versions do not write, and so are only compared if recorded.
    static var later: Set<String> { get }

    /// Checks the options.
    ///
    /// - Throws: `IOIError` for an option that is out of range or conflicts with others.
    func validate() throws

    /// The option that names a circuit; nil if none is used.
    var circuitName: String? { get }

    /// Where the prompts come from; nil if the experiment needs none.
    var source: PromptSource? { get }

    /// What is taken from the prompts' counterfactuals.
    var counterfactuals: CounterfactualUse { get }

    /// The circuit named by an option, if any. It affects the results but can change independently of the options.
    ///
    /// - Throws: `IOIError` if it cannot be read or does not fit the model.
    func circuit(of model: GPT2) throws -> Circuit?

    /// The prompts to run on; nil if the experiment needs none.
    ///
    /// - Throws: `IOIError` if they cannot be read or generated, or do not fit the model.
    func dataset(for model: GPT2) throws -> TaskDataset?

    /// Fills in the options that depend on the prompts, so that the results record them.
    mutating func complete(for subject: Subject)

    /// Runs the experiment. Options that do not fit the model are reported before any long computation.
    ///
    /// - Throws: `IOIError` if options, models and prompts do not fit together; ``PatchInterruption`` or
    ///   ``ACDC/Interruption`` when interrupted.
    func run(on subject: Subject, _ work: Work) throws -> Results
}

extension Experiment {
    public static var uncompared: Set<String> { [] }
    public static var later: Set<String> { [] }
    public var circuitName: String? { nil }
    public var source: PromptSource? { nil }
    public var counterfactuals: CounterfactualUse { .values }
    public func circuit(of model: GPT2) throws -> Circuit? { nil }
    public func dataset(for model: GPT2) throws -> TaskDataset? { try source?.data(for: model) }
    public mutating func complete(for subject: Subject) {}
}

/// An experiment on prompts.
public protocol PromptExperiment: Experiment {
    var prompts: PromptSource { get set }
}

extension PromptExperiment {
    public var source: PromptSource? { prompts }
}

/// An experiment on prompts of any task that measures a metric.
public protocol MetricExperiment: PromptExperiment {
    /// nil for the prompts' own: ``Metric/init(for:)``.
    var metric: Metric? { get set }
}

extension MetricExperiment {
    public mutating func complete(for subject: Subject) { completeMetric(for: subject) }

    /// Records the metric of the prompts if none was asked for, unless it is the logit difference, as in files of earlier
    /// versions.
    mutating func completeMetric(for subject: Subject) {
        let own = Metric(for: subject.prompts)
        metric = metric == nil || metric == own ? (own == .logitDifference ? nil : own) : metric
    }

    /// What is measured. Files without a metric measure the logit difference.
    func metric(on subject: Subject) -> Metric { metric ?? Metric(for: subject.prompts) }
}

/// The models and prompts that an experiment is run on.
public struct Subject {
    public let model: GPT2
    /// The second model of experiments that compare two.
    public let donor: GPT2?
    /// nil for experiments without prompts.
    public let dataset: TaskDataset?
    /// The circuit that an option names, read once: its file may change. nil for none, or if it was not read yet.
    public private(set) var circuit: Circuit?
    /// Measurements of the model's heads to reuse, if any.
    var observedHeads: HeadsExperiment.Observation?

    public init(_ model: GPT2, donor: GPT2? = nil, _ dataset: TaskDataset? = nil) {
        self.model = model
        self.donor = donor
        self.dataset = dataset
    }

    /// The subject of an experiment, with its prompts.
    ///
    /// - Throws: `IOIError` if the prompts cannot be read or generated, or the circuit cannot be read.
    public init(of experiment: some Experiment, _ model: GPT2, donor: GPT2? = nil) throws {
        self.init(model, donor: donor, try experiment.dataset(for: model))
        circuit = try experiment.circuit(of: model)
    }

    /// The prompts; empty without any.
    public var prompts: [Prompt] { dataset?.prompts ?? [] }

    /// - Throws: `IOIError` for the prompts if they are of another task than IOI.
    func requireIOI(for purpose: String) throws {
        guard let dataset, !dataset.namesIOI else { return }
        throw IOIError.usage(
            "\(purpose): found \(dataset.name) prompts, expected prompts of indirect-object identification, which name IO, S1, S1+1 and S2"
        )
    }

    /// - Throws: `IOIError` if there is no donor, it cannot be compared with the model, or it lacks a token of the prompts.
    func requireDonor() throws -> GPT2 {
        guard let donor else { throw IOIError.invalid("donor", "missing, expected the model that values come from") }
        try model.checkComparable(with: donor)
        let rows = donor.config.vocabularySize
        if rows < model.config.vocabularySize {
            for prompt in prompts {
                let tokens =
                    prompt.tokens + prompt.rightTokens + prompt.wrongTokens + (prompt.counterfactualTokens ?? [])
                guard let token = tokens.first(where: { $0 >= rows }) else { continue }
                throw IOIError(
                    "the donor's vocab_size: found \(rows), expected more than token \(token) of the prompts"
                )
            }
        }
        return donor
    }
}

/// How an experiment is carried out.
public struct Work {
    public var settings: RunSettings
    /// The progress of an interrupted run, and where to save it.
    public var partial: PartialResults
    /// Whether the results include values for each prompt.
    public var perPrompt: Bool
    /// Called with the share of the work done, from 0 to 1.
    public var progress: (Double) -> Void

    /// - Parameters:
    ///   - partial: nil to save no progress.
    ///   - progress: called with the share that is done.
    ///   - perPrompt: whether the results hold the figures of each prompt.
    ///   - settings: threads, memory and interruption.
    public init(
        _ settings: RunSettings,
        partial: PartialResults? = nil,
        perPrompt: Bool = false,
        progress: @escaping (Double) -> Void = { _ in }
    ) {
        self.settings = settings
        self.settings.shared = SharedPasses()
        self.partial = partial ?? PartialResults()
        self.perPrompt = perPrompt
        self.progress = progress
    }

    var workers: Workers { settings.workers }
    var ranks: Ranks { settings.ranks }
}

/// All experiments. One line here makes an experiment available to verification, plans and reports.
public enum Experiments {
    public static let all: [any Experiment.Type] = [
        EvaluationExperiment.self,
        PredictExperiment.self,
        LensExperiment.self,
        PatchExperiment.self,
        KnockoutExperiment.self,
        FaithfulnessExperiment.self,
        ValidateExperiment.self,
        DiscoverExperiment.self,
        HeadsExperiment.self,
        AttentionExperiment.self,
        ModelDiffExperiment.self,
    ]

    /// The experiment with the name used by results files.
    public static func named(_ name: String) -> (any Experiment.Type)? { all.first { $0.name == name } }
}

extension ResultsDocument where Options: Experiment, Results == Options.Results {
    /// Runs an experiment and records it.
    ///
    /// - Throws: errors from the experiment; `IOIError` if a model's weights can no longer be read.
    public init(running experiment: Options, on subject: Subject, _ work: Work) throws {
        let started = ContinuousClock.now
        for model in [subject.model, subject.donor] { model?.beginHashing() }
        var experiment = experiment
        experiment.complete(for: subject)
        let results = try experiment.run(on: subject, work)
        self.init(
            command: Options.name, options: experiment, model: try ModelRecord(subject.model),
            donor: try subject.donor.map(ModelRecord.init), dataset: subject.dataset.map { DatasetRecord($0) },
            environment: EnvironmentRecord(workers: work.workers),
            seconds: (ContinuousClock.now - started) / .seconds(1),
            results: results
        )
    }
}
