/// A claim of the paper, and the rule by which a measured figure decides it.
public struct Claim: Codable, Equatable, Sendable {
    /// What has to hold of the figure: it lies between two bounds, or between two multiples of another figure, or no
    /// farther than that above or below another.
    public struct Rule: Codable, Equatable, Sendable {
        /// How bounds go with the other figure.
        public enum Relation: String, Codable, Sendable {
            case times, plus
        }

        public var atLeast, atMost: Double?
        /// The other figure; nil for none.
        public var of: FigurePath?
        /// `times` where it is nil.
        public var relation: Relation?

        enum CodingKeys: String, CodingKey {
            case atLeast = "at_least"
            case atMost = "at_most"
            case of, relation
        }

        /// The bounds, in the figure's own unit.
        ///
        /// - Parameter other: the other figure's value.
        func bounds(other: Double?) -> (lower: Double, upper: Double) {
            func bound(_ value: Double) -> Double {
                guard let other else { return value }
                return relation == .plus ? other + value : other * value
            }
            return (atLeast.map(bound) ?? -.infinity, atMost.map(bound) ?? .infinity)
        }

        /// The rule in words, such as `at least 1.2 × base/eval/logit_difference`.
        public var text: String {
            func words(_ value: Double) -> String {
                let number = value.rounded() == value ? "\(Int(value))" : "\(value)"
                guard let of else { return number }
                return relation == .plus
                    ? "\(of) \(value < 0 ? "−" : "+") \(number.trimmingPrefix("-"))" : "\(number) × \(of)"
            }
            return [atLeast.map { "at least \(words($0))" }, atMost.map { "at most \(words($0))" }].compactMap { $0 }
                .joined(separator: ", ")
        }
    }

    /// What came of it.
    public enum Verdict: String, Codable, Sendable {
        /// The whole 95 % interval satisfies the rule.
        case shown
        /// None of it does.
        case notShown = "not shown"
        /// A part of it does.
        case unclear
        /// The figure says nothing, such as a share of nearly nothing.
        case meaningless
        case notMeasured = "not measured"
    }

    public var name: String
    /// What is claimed, in a sentence.
    public var text: String
    /// What the paper has for GPT-2 small.
    public var published: String?
    public var figure: FigurePath
    public var rule: Rule

    /// - Parameters:
    ///   - measured: the figure; nil where it was not measured.
    ///   - other: the rule's other figure.
    func verdict(_ measured: Estimate?, other: Estimate?) -> Verdict {
        guard let measured, rule.of == nil || other != nil else { return .notMeasured }
        guard let value = measured.value, measured.isMeaningless != true, rule.of == nil || other?.value != nil else {
            return .meaningless
        }
        let bounds = rule.bounds(other: other?.value)
        // In a model that says S, multiples of a negative figure stand the other way round.
        let (lower, upper) = (min(bounds.lower, bounds.upper), max(bounds.lower, bounds.upper))
        let interval = measured.ci95 ?? [value, value]
        if interval[0] >= lower && interval[1] <= upper { return .shown }
        return interval[1] < lower || interval[0] > upper ? .notShown : .unclear
    }
}

/// A figure in what a plan measures: model, measure, and the way to it in the results, such as
/// `clean@1/outputs/donor-to-host/sets/circuit/recovered`.
public struct FigurePath: Hashable, Sendable, CustomStringConvertible {
    public let model: PlanModel
    public let measure: Plan.Measure
    /// Names of fields, names of list entries (their `name`), indices, or the name of a head.
    public let steps: [String]

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 3, let model = PlanModel(parts[0]), let measure = Plan.Measure(rawValue: parts[1]),
            parts.allSatisfy({ !$0.isEmpty })
        else { return nil }
        self.model = model
        self.measure = measure
        steps = Array(parts[2...])
    }

    public var description: String { ([model.description, measure.rawValue] + steps).joined(separator: "/") }

    /// How people read a figure.
    enum Unit {
        case number
        /// Of a share, from 0 to 1.
        case share
        /// Of a figure that is in per cent.
        case percent

        func text(_ value: Double) -> String {
            switch self {
            case .number: value.fixed(2)
            case .share: (100 * value).fixed(1) + " %"
            case .percent: value.fixed(1) + " %"
            }
        }
    }

    var unit: Unit {
        switch steps.last(where: { Head($0) == nil }) {
        case "ratio", "recovered", "accuracy", "top1", "sparsity", "io_probability", "probability_difference": .share
        case "effect", "share": .percent
        default: .number
        }
    }

    /// What has to be measured for it.
    var measurement: String { "\(model)/\(measure.rawValue)" }
}

extension FigurePath: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let path = FigurePath(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "expected model/measure/field, such as \"clean@1/eval/logit_difference\""
            )
        }
        self = path
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
