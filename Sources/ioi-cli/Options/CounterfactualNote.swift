import IOIKit

extension TaskDataset {
    /// What is out of the ordinary about the counterfactuals, in one line; nil if nothing is.
    ///
    /// - Parameter use: what is taken from them.
    func counterfactualNote(for use: CounterfactualUse) -> String? {
        guard use != .none, let health = CounterfactualHealth(self) else { return nil }
        func percent(_ share: Double) -> String { decimal(100 * share, share < 0.01 ? 2 : 0) + " %" }
        var problems: [String] = []
        if health.equal > 0 { problems.append("\(percent(health.equal)) equal their prompt") }
        // Generated ones are as asked for.
        if seed == nil, namesIOI, health.withAnswers > 0.2 {
            problems.append("\(percent(health.withAnswers)) hold a name of their prompt")
        }
        if use == .groups {
            let groups = health.groups
            if groups.single > 0 {
                problems.append(
                    "\(groups.single) of \(groups.count) groups of equal template, positions and length have a single prompt"
                )
            }
            if let differing = groups.differing, differing > 0.6 {
                problems.append(
                    "those averaged together differ at \(percent(differing)) of their positions, as other sentences do")
            }
        }
        return problems.isEmpty ? nil : "counterfactuals: " + problems.joined(separator: "; ")
    }
}
