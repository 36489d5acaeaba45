/// The attention of a class of a circuit between named positions of the task's prompts: the mean over its heads.
public struct ClassAttention: Equatable, Sendable {
    public private(set) var name = ""
    public private(set) var heads: [Head] = []
    private var means: [TaskAttention.Relation: Estimate] = [:]

    public private(set) subscript(relation: TaskAttention.Relation) -> Estimate {
        get { means[relation] ?? Estimate() }
        set { means[relation] = newValue }
    }

    /// - Parameter heads: at least one.
    init(name: String, heads: [Head], _ measures: TaskAttention.Measures, seed: UInt64) {
        self.name = name
        self.heads = heads
        for relation in TaskAttention.Relation.allCases {
            let columns = heads.map { measures[relation][$0.layer * measures.config.heads + $0.index] }
            self[relation] = Estimate(
                meanOf: columns[0].indices.map { prompt in columns.map { $0[prompt] }.mean }, seed: seed
            )
        }
    }
}

extension ClassAttention: FieldCoded {
    init() {}

    static var fields: [Field<ClassAttention>] {
        [.value("name", \.name), .value("heads", \.heads)]
            + TaskAttention.Relation.allCases.map { .value(FieldName($0.rawValue), \.[$0]) }
    }
}
