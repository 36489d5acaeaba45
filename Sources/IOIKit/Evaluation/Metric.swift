/// What a prediction at END is measured by.
public enum Metric: String, CaseIterable, Codable, Sendable {
    /// The mean logit of the right tokens less the mean logit of the wrong ones: logit(IO) − logit(S).
    case logitDifference = "logit-difference"
    /// Σ P(right tokens) − Σ P(wrong tokens) (Hanna et al. 2305.00586, section 2).
    case probabilityDifference = "probability-difference"
    /// The logarithm of Σ P(right tokens), in nats.
    case logProbability = "log-probability"
    /// KL(unpatched run ‖ run), in nats: 0 in the unpatched run itself.
    case divergence = "kl"

    /// `ld` is what version 0.2.0 called the logit difference.
    public init?(named name: String) {
        guard let metric = name == "ld" ? .logitDifference : Metric(rawValue: name) else { return nil }
        self = metric
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let metric = Metric(named: try container.decode(String.self)) else {
            let all = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected one of \(all)")
        }
        self = metric
    }

    /// The name in a sentence.
    public var noun: String {
        switch self {
        case .logitDifference: "logit difference"
        case .probabilityDifference: "probability difference"
        case .logProbability: "log probability"
        case .divergence: "KL divergence"
        }
    }

    /// 1 if a run is better the larger the metric is, −1 if it is better the smaller it is.
    public var sign: Double { self == .divergence ? -1 : 1 }

    /// Whether a change is a share of the unpatched run's value. That of a divergence is 0.
    public var isRelative: Bool { self != .divergence }

    /// The default metric of prompts: the logit difference where each has one right token, the
    /// probability difference where some have several, and the log probability where some have no wrong token.
    public init(for prompts: [Prompt]) {
        if prompts.contains(where: \.wrongTokens.isEmpty) {
            self = .logProbability
        } else {
            self = prompts.allSatisfy { $0.rightTokens.count == 1 } ? .logitDifference : .probabilityDifference
        }
    }

    /// - Throws: `IOIError` for the option `metric` if a prompt lacks the tokens that the metric compares.
    public func check(_ prompts: [Prompt]) throws {
        guard self == .logitDifference, let lacking = prompts.first(where: \.wrongTokens.isEmpty) else { return }
        throw IOIError.invalid(
            "metric",
            "found \(rawValue), but prompt \(lacking.id) has no wrong answer; expected log-probability, kl or "
                + "probability-difference"
        )
    }

    /// - Throws: `IOIError` for the option `metric` if changes are no shares of the unpatched run's value.
    func checkIsRelative() throws {
        guard isRelative else {
            throw IOIError.invalid(
                "metric",
                "found \(rawValue), which is 0 in the unpatched run; expected one that thresholds are shares of")
        }
    }

    /// The value for a prompt.
    ///
    /// - Parameters:
    ///   - logits: at END. [vocabulary]
    ///   - reference: the unpatched run's logits, which only a divergence needs. [vocabulary]
    func value(
        of prompt: Prompt,
        logits: UnsafeBufferPointer<Float>,
        reference: UnsafeBufferPointer<Float>? = nil
    ) -> Double {
        func mean(_ tokens: [Int]) -> Double { tokens.reduce(0) { $0 + Double(logits[$1]) } / Double(tokens.count) }
        if self == .logitDifference { return mean(prompt.rightTokens) - mean(prompt.wrongTokens) }
        switch self {
        case .logitDifference, .probabilityDifference:
            let prediction = Prediction(logits)
            return prediction.probability(prompt.rightTokens) - prediction.probability(prompt.wrongTokens)
        case .logProbability: return Prediction(logits).logProbability(prompt.rightTokens)
        case .divergence:
            guard let reference else { preconditionFailure("a divergence from nothing") }
            return Double(KLDivergence.value(of: logits, from: reference))
        }
    }
}
