/// The difference between the weights of two models of the same shape. It has no options.
public struct ModelDiffExperiment: Experiment {
    public static let name = "model diff"

    public init() {}

    public func validate() throws {}

    public var counterfactuals: CounterfactualUse { .none }

    public func run(on subject: Subject, _ work: Work) throws -> ModelDifference {
        guard let donor = subject.donor else { throw IOIError.invalid("donor", "missing, expected the other model") }
        return try ModelDifference(subject.model, donor, workers: work.workers)
    }
}
