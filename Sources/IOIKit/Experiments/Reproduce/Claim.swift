/// A claim of the paper, and the rule by which a measured figure decides it.
public struct Claim: Codable, Equatable, Sendable {
    /// The condition on the figure: bounds that are numbers, or multiples of another figure, or offsets from one.
    public struct Rule: Codable, Equatable, Sendable {
        /// How the bounds apply to the other figure.
        public enum Relation: String, Codable, Sendable {
            case times, plus
            /// No bounds of its own: the figure is nearer to the published one than the other figure is.
            case nearer
        }

        public var atLeast, atMost: Double?
        /// The other figure, if any.
        public var of: FigurePath?
        /// nil means `times`.
        public var relation: Relation?

        enum CodingKeys: String, CodingKey {
            case atLeast = "at_least"
            case atMost = "at_most"
            case of, relation
        }

        /// The bounds in the figure's own unit.
        ///
        /// - Parameters:
        ///   - other: the value of the other figure.
        ///   - published: the published figure.
        func bounds(other: Double?, published: Double?) -> (lower: Double, upper: Double) {
            if relation == .nearer, let other, let published {
                return (published - abs(other - published), published + abs(other - published))
            }
            func bound(_ value: Double) -> Double {
                guard let other else { return value }
                return relation == .plus ? other + value : other * value
            }
            return (atLeast.map(bound) ?? -.infinity, atMost.map(bound) ?? .infinity)
        }

        /// The rule in words, such as `at least 1.2 × base/eval/logit_difference`.
        var text: String {
            func words(_ value: Double) -> String {
                let number = Int(exactly: value).map { "\($0)" } ?? "\(value)"
                guard let of else { return number }
                return relation == .plus
                    ? "\(of) \(value < 0 ? "−" : "+") \(number.trimmingPrefix("-"))" : "\(number) × \(of)"
            }
            return [atLeast.map { "at least \(words($0))" }, atMost.map { "at most \(words($0))" }].compactMap { $0 }
                .joined(separator: ", ")
        }
    }

    public enum Verdict: String, Codable, Sendable {
        /// The whole 95 % interval satisfies the rule.
        case shown
        /// None of the interval satisfies it.
        case notShown = "not shown"
        /// Part of the interval satisfies it.
        case unclear
        /// The figure is meaningless, such as a ratio to a logit difference near zero.
        case meaningless
        case notMeasured = "not measured"
    }

    public var name: String
    /// The claim in a sentence.
    public var text: String
    /// The paper's figure for GPT-2 small.
    public var published: PublishedFigure?
    /// If a map was published, the measured map, and what decides is the rank correlation of the two over heads.
    public var figure: FigurePath
    public var rule: Rule

    /// How the measured figure is written.
    var format: FigureFormat { published?.map == nil ? figure.format : .number }

    /// The rule in words, such as `at least 1.2 × base/eval/logit_difference`.
    public var ruleText: String {
        if rule.relation == .nearer, let published, let other = rule.of {
            return "nearer to \(published.text(format)) than \(other)"
        }
        guard published?.map != nil else { return rule.text }
        return "rank correlation with the published map, \(rule.text); its interval is over heads"
    }

    /// - Parameters:
    ///   - measured: the figure; nil if it was not measured.
    ///   - other: the rule's other figure.
    func verdict(_ measured: Estimate?, other: Estimate?) -> Verdict {
        guard let measured, rule.of == nil || other != nil else { return .notMeasured }
        guard let value = measured.value, measured.isMeaningless != true, rule.of == nil || other?.value != nil else {
            return .meaningless
        }
        let bounds = rule.bounds(other: other?.value, published: published?.value)
        // Multiples of a negative figure swap the bounds.
        let (lower, upper) = (min(bounds.lower, bounds.upper), max(bounds.lower, bounds.upper))
        let interval = measured.ci95 ?? [value, value]
        if interval[0] >= lower && interval[1] <= upper { return .shown }
        return interval[1] < lower || interval[0] > upper ? .notShown : .unclear
    }
}
