/// Something that can be measured of a model. Its stored properties are its options, as results files hold them.
///
/// A command builds one from its flags, `verify` decodes one from a results file, a plan runs one for each of its
/// measures; all of them run it the same way and get the same ``Results``, which the page decodes as well.
/// ``Experiments`` lists them.
public protocol Experiment: Codable, Sendable {
    /// What was measured, as the `results` of a results file hold it.
    associatedtype Results: Codable & Sendable

    /// What results files call it, such as `circuit discover`.
    static var name: String { get }

    /// Fields of the results that repeat in words what others say in figures, and are not compared.
    static var uncompared: Set<String> { get }

    /// Checks the bounds of the options, and that they go together.
    ///
    /// - Throws: ``IOIError`` of the option that is wrong.
    func validate() throws

    /// What decides the results beside options, models and prompts: the circuit that an option names, which may be
    /// another one tomorrow.
    ///
    /// - Throws: ``IOIError`` where it cannot be read or does not fit the model.
    func circuit(of model: GPT2) throws -> Circuit?

    /// The prompts that it is run on; nil where it needs none.
    ///
    /// - Throws: ``IOIError`` where they cannot be read or made, or do not fit the model.
    func dataset(for model: GPT2) throws -> TaskDataset?

    /// Measures. Whatever is wrong with the options for this model is found before any long work.
    ///
    /// - Throws: ``IOIError`` where options, models and prompts do not fit each other; ``PatchInterruption`` or
    ///   `ACDC.Interruption` where the settings ask to stop.
    func run(on subject: Subject, _ work: Work) throws -> Results
}

extension Experiment {
    public static var uncompared: Set<String> { [] }
    public func circuit(of model: GPT2) throws -> Circuit? { nil }
}

/// An experiment on prompts of indirect-object identification.
public protocol PromptExperiment: Experiment {
    var prompts: PromptSource { get set }
}

extension PromptExperiment {
    public func dataset(for model: GPT2) throws -> TaskDataset? { .ioi(try prompts.prompts(for: model)) }
}

/// The models and prompts that an experiment is run on.
public struct Subject {
    public let model: GPT2
    /// The other model, of experiments that compare two.
    public let donor: GPT2?
    /// nil for experiments that need no prompts.
    public let dataset: TaskDataset?
    /// What was observed of the model's heads before, where it was.
    var observedHeads: HeadsExperiment.Observation?

    public init(_ model: GPT2, donor: GPT2? = nil, _ dataset: TaskDataset? = nil) {
        self.model = model
        self.donor = donor
        self.dataset = dataset
    }

    /// The subject of an experiment: its prompts, made for the model.
    ///
    /// - Throws: ``IOIError`` where the prompts cannot be read or made.
    public init(of experiment: some Experiment, _ model: GPT2, donor: GPT2? = nil) throws {
        self.init(model, donor: donor, try experiment.dataset(for: model))
    }

    /// The prompts of indirect-object identification; none of another task.
    public var prompts: [Prompt] {
        guard case .ioi(let dataset) = dataset else { return [] }
        return dataset.prompts
    }

    /// - Throws: ``IOIError`` where there is no donor, or one of another shape.
    func requireDonor() throws -> GPT2 {
        guard let donor else { throw IOIError.invalid("donor", "missing, expected the model that values come from") }
        try model.config.checkShape(of: donor.config)
        return donor
    }
}

/// How an experiment is carried out.
public struct Work {
    public var settings: RunSettings
    /// What an interrupted run left, and where the next one leaves it.
    public var partial: PartialResults
    /// Whether results hold the figures of each prompt.
    public var perPrompt: Bool
    /// Told what share is done, from 0 to 1.
    public var progress: (Double) -> Void

    /// - Parameter partial: nothing is kept where it is nil.
    public init(
        _ settings: RunSettings,
        partial: PartialResults? = nil,
        perPrompt: Bool = false,
        progress: @escaping (Double) -> Void = { _ in }
    ) {
        self.settings = settings
        self.partial = partial ?? PartialResults()
        self.perPrompt = perPrompt
        self.progress = progress
    }

    var workers: Workers { settings.workers }

    /// - Throws: ``PatchInterruption`` where the settings ask to stop.
    func checkInterruption() throws {
        if settings.isInterrupted() { throw PatchInterruption(measures: PatchMeasures(cells: 0)) }
    }
}
