/// The measurements of one model's heads. Analyses that were not requested are nil.
public struct HeadProfile: Codable, Equatable, Sendable {
    public let logitDifference: Estimate
    /// nil for prompts of another task than IOI.
    public let attention: TaskAttention?
    /// The mean attention from END to each named position, for prompts of another task than IOI.
    public internal(set) var positionAttention: [String: HeadMap]?
    /// The classes of the circuit, for a comparison that of the first model; nil if it has none, or in older results.
    public internal(set) var classAttention: [ClassAttention]?
    public internal(set) var attribution: DirectLogitAttribution?
    public internal(set) var scatter: AttributionScatter?
    public internal(set) var copying: CopyingScore?
    public internal(set) var ov: OVSpectra?
    public internal(set) var inhibition: InhibitionTest?
    public internal(set) var repeated: RepeatedTokens?
    /// Also nil if there was no name mover to knock out.
    public internal(set) var backup: BackupMovers?
    public internal(set) var classification: HeadClassification?

    enum CodingKeys: String, CodingKey {
        case logitDifference = "logit_difference"
        case attention
        case positionAttention = "position_attention"
        case classAttention = "class_attention"
        case attribution = "direct_logit_attribution"
        case scatter = "attribution_scatter"
        case copying = "copying_score"
        case ov
        case inhibition = "s_inhibition"
        case repeated = "repeated_tokens"
        case backup = "backup_movers"
        case classification
    }

    init(logitDifference: Estimate, attention: TaskAttention?) {
        self.logitDifference = logitDifference
        self.attention = attention
    }

    /// A caveat on ratios to the mean logit difference.
    public var note: RatioNote? {
        RatioNote(of: 0, whole: logitDifference, spread: logitDifference.std ?? 0)
    }
}
