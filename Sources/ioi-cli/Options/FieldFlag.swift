/// The flags that set the options of experiments.
enum FieldFlag {
    /// Those that are not called what their option is called in results files.
    private static let others = [
        "input.text": "<text>", "ablation.kind": "--ablate", "classes": "--class", "receivers": "--receiver",
        "positions": "--position",
        "components": "--component", "directions": "--direction", "minimality": "--minimality-sets",
        "logits.threshold": "--logits-effect",
        "queries.threshold": "--query-effect", "s2.threshold": "--s2-effect", "s1_next.threshold": "--s1-effect",
        "backups.threshold": "--backup-effect", "senders.threshold": "--sender-effect",
        "criteria.attribution": "--attribution-share",
        "criteria.inhibition": "--inhibition-effect", "criteria.backup": "--backup-effect",
        "greedy.runs": "--greedy-runs", "greedy.steps": "--greedy-steps", "greedy.candidates": "--greedy-candidates",
        "greedy.prompts": "--greedy-prompts",
    ]

    /// - Parameter field: the way to the option in results files, such as `method.abc_count`.
    static func named(_ field: String) -> String {
        if let flag = others.first(where: { field == $0.key || field.hasSuffix("." + $0.key) })?.value { return flag }
        if field.hasSuffix(".limit") { return "--most" }
        let name = field.split(separator: ".").last.map(String.init) ?? field
        return "--" + name.replacing("_", with: "-")
    }
}
