/// The rule of a fine-tuning dataset: which name stands at S2 and which is the label.
///
/// All datasets are made from the same prompts. A new dataset is a new line in ``all``.
public struct DatasetRule: Equatable, Sendable {
    /// A person in the prompt, or one who is not.
    public enum Person: Sendable {
        /// The indirect object.
        case io
        /// The subject.
        case s
        /// A random third name.
        case third
    }

    public let name: String
    /// The name at S2.
    public let atS2: Person
    /// The name to predict at END.
    public let label: Person

    public init(name: String, atS2: Person, label: Person) {
        self.name = name
        self.atS2 = atS2
        self.label = label
    }

    /// The four datasets of Chhabra et al. (2503.01896).
    public static let all = [
        DatasetRule(name: "clean", atS2: .s, label: .io),
        DatasetRule(name: "name-moving", atS2: .s, label: .third),
        DatasetRule(name: "subject-duplication", atS2: .s, label: .s),
        DatasetRule(name: "duplication", atS2: .third, label: .io),
    ]

    /// - Throws: `IOIError` of the field `dataset` if no rule has this name.
    public static func named(_ name: String) throws -> DatasetRule {
        guard let rule = all.first(where: { $0.name == name }) else {
            let names = all.map(\.name).joined(separator: ", ")
            let isOther = ChoiceTask(dataset: name) != nil
            let use = isOther ? ", which is for training and evaluation only" : ""
            throw IOIError.invalid("dataset", "found \(name.quoted)\(use), expected one of \(names)")
        }
        return rule
    }
}
