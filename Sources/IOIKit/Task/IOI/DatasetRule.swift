/// What one of the fine-tuning datasets makes of a prompt: which name is put at S2, and which is the label.
///
/// All datasets are made from the same prompts. A new dataset is a new line in ``all``.
public struct DatasetRule: Equatable, Sendable {
    /// A person of the prompt, or one who is not in it.
    public enum Person: Sendable {
        /// The indirect object.
        case io
        /// The subject.
        case s
        /// A random name that is neither.
        case third
    }

    public let name: String
    /// Who stands where the subject is named again.
    public let atS2: Person
    /// Who is to be predicted at END.
    public let label: Person

    public init(name: String, atS2: Person, label: Person) {
        self.name = name
        self.atS2 = atS2
        self.label = label
    }

    /// The four datasets (Chhabra et al., arXiv 2503.01896); who the label of the corrupted ones is, and what
    /// stands at S2 of `duplication`, is this project's reading.
    public static let all = [
        DatasetRule(name: "clean", atS2: .s, label: .io),
        DatasetRule(name: "name-moving", atS2: .s, label: .third),
        DatasetRule(name: "subject-duplication", atS2: .s, label: .s),
        DatasetRule(name: "duplication", atS2: .third, label: .io),
    ]

    /// - Throws: ``IOIError`` of kind `usage` where no dataset has this name.
    public static func named(_ name: String) throws -> DatasetRule {
        guard let rule = all.first(where: { $0.name == name }) else {
            let names = all.map(\.name).joined(separator: ", ")
            let isOther = ChoiceTask(rawValue: name) != nil
            throw IOIError.usage(
                "--dataset: found \"\(name)\"\(isOther ? ", which data, eval and finetune take" : ""), expected one of "
                    + names
            )
        }
        return rule
    }
}
