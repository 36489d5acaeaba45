/// The experiments that there are. One line makes an experiment known to commands, `verify`, plans and the page.
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

    /// The experiment that results files call by a name; nil where there is none.
    public static func named(_ name: String) -> (any Experiment.Type)? { all.first { $0.name == name } }
}
