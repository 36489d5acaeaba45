/// What `ioi circuit validate` measured.
public struct ValidateResults: Sendable, Encodable {
    /// F(M).
    public let model: Estimate
    /// F(C).
    public let circuit: Estimate
    /// What has to be said beside F(C) / F(M); where it is that a share of F(M) is meaningless, so are all scores of
    /// minimality.
    public let ratioNote: RatioNote?
    /// In the circuit's order; empty where it was not asked for.
    public let minimality: [Minimality.Score]
    /// By kind, and in each kind the worst last; empty where it was not asked for.
    public let completeness: [Completeness.Score]
    private let perPrompt: PerPrompt?

    /// Logit differences of each prompt.
    private struct PerPrompt: Encodable {
        struct Subset: Encodable {
            let k: [Head]
            let differences: [Double]

            enum CodingKeys: String, CodingKey {
                case k
                case differences = "logit_difference"
            }
        }

        /// F(M).
        let original: [Double]
        /// F(C∖K).
        let circuit: [Subset]
        /// F(M∖K).
        let model: [Subset]

        init(_ subsets: CircuitSubsets, circuit: [[Head]], model: [[Head]]) {
            func list(_ sets: [[Head]], _ row: (Set<Head>) -> [Double]) -> [Subset] {
                Set(sets).sorted { $0.count == $1.count ? $0.lexicographicallyPrecedes($1) : $0.count < $1.count }
                    .map { Subset(k: $0, differences: row(Set($0))) }
            }
            original = subsets.original
            self.circuit = list(circuit, subsets.circuit)
            self.model = list(model, subsets.model)
        }
    }

    /// - Parameter perPrompt: where the logit differences of each prompt are to be had, if they are wanted.
    init(
        _ circuit: Circuit,
        _ figures: SubsetFigures,
        minimalitySets: [Head: Set<Head>],
        candidates: [Completeness.Candidate],
        perPrompt: CircuitSubsets?
    ) {
        let (whole, part) = (figures.original, figures.circuit(without: []))
        model = whole
        self.circuit = part
        let ratio = part.value.flatMap { part in whole.value.map { part / $0 } }
        ratioNote = RatioNote(of: ratio, whole: whole, spread: figures.spread)
        minimality = circuit.classes.flatMap { headClass in
            headClass.heads.compactMap { head in
                minimalitySets[head].map { Minimality.Score(head, in: headClass.name, without: $0, figures) }
            }
        }
        let scores = candidates.map { Completeness.Score($0, figures) }
        completeness = Completeness.Kind.allCases.flatMap { kind in
            scores.filter { $0.kind == kind }.sorted { ($0.score.value ?? 0) < ($1.score.value ?? 0) }
        }
        let ofModel = completeness.map(\.k)
        let ofCircuit = [[]] + minimality.flatMap { [$0.k, ($0.k + [$0.head]).sorted()] } + ofModel
        self.perPrompt = perPrompt.map { PerPrompt($0, circuit: ofCircuit, model: ofModel) }
    }

    enum CodingKeys: String, CodingKey {
        case model, circuit, minimality, completeness
        case modelInterval = "model_ci95"
        case circuitInterval = "circuit_ci95"
        case ratioNote = "ratio_note"
        case perPrompt = "per_prompt"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(model.value, forKey: .model)
        try container.encode(model.ci95, forKey: .modelInterval)
        try container.encode(circuit.value, forKey: .circuit)
        try container.encode(circuit.ci95, forKey: .circuitInterval)
        try container.encode(ratioNote, forKey: .ratioNote)
        if !minimality.isEmpty { try container.encode(minimality, forKey: .minimality) }
        if !completeness.isEmpty { try container.encode(completeness, forKey: .completeness) }
        try container.encodeIfPresent(perPrompt, forKey: .perPrompt)
    }
}

extension Minimality.Score: Encodable {
    enum CodingKeys: String, CodingKey {
        case head, k, before, after, score, ci95, passes
        case headClass = "class"
        case beforeInterval = "before_ci95"
        case afterInterval = "after_ci95"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(head, forKey: .head)
        try container.encode(headClass, forKey: .headClass)
        try container.encode(k, forKey: .k)
        try container.encode(before.value, forKey: .before)
        try container.encode(before.ci95, forKey: .beforeInterval)
        try container.encode(after.value, forKey: .after)
        try container.encode(after.ci95, forKey: .afterInterval)
        try container.encode(score.value, forKey: .score)
        try container.encode(score.ci95, forKey: .ci95)
        try container.encode(passes, forKey: .passes)
    }
}

extension Completeness.Score: Encodable {
    enum CodingKeys: String, CodingKey {
        case kind, name, k, circuit, model, score, ci95
        case circuitInterval = "circuit_ci95"
        case modelInterval = "model_ci95"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        try container.encodeIfPresent(name, forKey: .name)
        try container.encode(k, forKey: .k)
        try container.encode(circuit.value, forKey: .circuit)
        try container.encode(circuit.ci95, forKey: .circuitInterval)
        try container.encode(model.value, forKey: .model)
        try container.encode(model.ci95, forKey: .modelInterval)
        try container.encode(score.value, forKey: .score)
        try container.encode(score.ci95, forKey: .ci95)
    }
}
