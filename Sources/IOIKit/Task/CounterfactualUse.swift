/// What an experiment takes from counterfactuals.
public enum CounterfactualUse: Equatable, Sendable {
    case none
    /// The values in each prompt's own, or means over all of them or over others.
    case values
    /// Values of the prompts that differ only in their words: ``CounterfactualHealth/Groups``.
    case groups
}
