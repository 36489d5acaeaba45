/// What has to be said beside a share of F(M), or of another mean difference of logits: one rule for all that is shown.
public enum RatioNote: String, Codable, Sendable {
    /// The whole is not clearly apart from zero, so that a share of it may be anything: its 95 % interval includes 0, it
    /// is less than ``leastWhole`` standard deviations of a prompt, or the share is not defined.
    case meaningless
    /// The share is more than 100 % by what shows at one decimal: the part does more than the whole, which is no better
    /// than less.
    case overshoot

    /// The least whole of which shares are taken, in standard deviations over prompts. An interval alone would let any
    /// whole pass with enough prompts. (This project's choice.)
    public static let leastWhole = 0.5

    /// - Parameters:
    ///   - ratio: the share; nil where it is not defined.
    ///   - whole: what it is a share of, a mean over prompts.
    ///   - spread: the standard deviation over prompts of what `whole` is the mean of.
    public init?(of ratio: Double?, whole: Estimate, spread: Double) {
        guard let ratio, let mean = whole.value, let interval = whole.ci95,
            !(interval[0]...interval[1]).contains(0), abs(mean) >= Self.leastWhole * spread
        else {
            self = .meaningless
            return
        }
        guard ratio >= 1.0005 else { return nil }
        self = .overshoot
    }

    /// The note in a sentence.
    ///
    /// - Parameter whole: what it is a share of.
    public func explanation(whole: String = "F(M)") -> String {
        switch self {
        case .meaningless:
            let share = Int((100 * Self.leastWhole).rounded())
            return "a share of \(whole) is meaningless here: the 95 % interval of \(whole) includes 0, or it is less "
                + "than \(share) % of its standard deviation over prompts"
        case .overshoot: return "overshoot: more than 100 %, the part does more than the whole"
        }
    }
}
