/// A caveat on a ratio to F(M) or to another mean logit difference.
public enum RatioNote: String, Codable, Sendable {
    /// The denominator is not clearly different from zero: its 95 % interval includes 0, it is below ``leastWhole``
    /// standard deviations over prompts, or the ratio is undefined.
    case meaningless
    /// The ratio exceeds 100 % when rounded to one decimal, which is as unfaithful as falling short.
    case overshoot

    /// The smallest denominator, in standard deviations over prompts. The interval alone would accept any nonzero
    /// denominator given enough prompts. (This project's choice.)
    public static let leastWhole = 0.5

    /// - Parameters:
    ///   - ratio: nil if undefined.
    ///   - whole: the denominator, a mean over prompts.
    ///   - spread: the standard deviation of the denominator over prompts.
    public init?(of ratio: Double?, whole: Estimate, spread: Double) {
        guard let ratio, let mean = whole.value, let interval = whole.recordedBounds,
            !(interval[0]...interval[1]).contains(0), abs(mean) >= Self.leastWhole * spread
        else {
            self = .meaningless
            return
        }
        guard ratio >= 1.0005 else { return nil }
        self = .overshoot
    }

    /// The caveat as a sentence.
    ///
    /// - Parameter whole: the name of the denominator.
    public func explanation(whole: String = "F(M)") -> String {
        switch self {
        case .meaningless:
            let share = Int((100 * Self.leastWhole).rounded())
            return "a share of \(whole) is meaningless here: the 95 % interval of \(whole) includes 0, or \(whole) is "
                + "less than \(share) % of its standard deviation over prompts"
        case .overshoot: return "overshoot: more than 100 %, so the part does more than the whole"
        }
    }
}
