/// All experiments. One line here makes an experiment available to verification, plans and reports.
public enum Experiments {
    public static let all: [any Experiment.Type] = [
        EvaluationExperiment.self,
        PatchExperiment.self,
        KnockoutExperiment.self,
        FaithfulnessExperiment.self,
        ValidateExperiment.self,
        DiscoverExperiment.self,
        HeadsExperiment.self,
        ModelDiffExperiment.self,
    ]

    /// The experiment with the name used by results files.
    public static func named(_ name: String) -> (any Experiment.Type)? { all.first { $0.name == name } }
}
