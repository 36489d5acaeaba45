/// Whether heads write the names that they attend to: attention from END to a name against what the head writes at END
/// along that name's direction (Wang et al. 2211.00593, section 3.1, figure 3c).
///
/// S is attended to where it stands first and again, and both count. Projections are on rows of W_U with γ of the final
/// LayerNorm folded in, centred over vocabulary and dimensions, and are not scaled by the LayerNorm.
public struct AttributionScatter: Codable, Equatable, Sendable {
    /// Each prompt's points, [layer][head][prompt]; none of a head that they were not asked of.
    public struct PerPrompt: Codable, Equatable, Sendable {
        public fileprivate(set) var attentionToIO, attentionToS, projectionOnIO, projectionOnS: [[[Double]]]

        enum CodingKeys: String, CodingKey {
            case attentionToIO = "attention_to_io"
            case attentionToS = "attention_to_s"
            case projectionOnIO = "projection_on_io"
            case projectionOnS = "projection_on_s"
        }
    }

    /// Mean attention from END.
    public let attentionToIO, attentionToS: HeadMap
    /// Mean projections of what heads write at END.
    public let projectionOnIO, projectionOnS: HeadMap
    /// Pearson's ρ over prompts of attention and projection: of IO's points, of S's, and of all.
    public let correlationIO, correlationS, correlation: HeadMap
    public private(set) var perPrompt: PerPrompt?

    enum CodingKeys: String, CodingKey {
        case attentionToIO = "attention_to_io"
        case attentionToS = "attention_to_s"
        case projectionOnIO = "projection_on_io"
        case projectionOnS = "projection_on_s"
        case correlationIO = "rho_io"
        case correlationS = "rho_s"
        case correlation = "rho"
        case perPrompt = "per_prompt"
    }

    init(
        _ attention: TaskAttention.Measures,
        _ projections: NameProjections,
        seed: UInt64,
        workers: Workers,
        perPrompt: Bool
    ) {
        let heads = attention.config.heads
        let all = attention[.endToIO].indices
        let toIO = attention[.endToIO]
        let toS = zip(attention[.endToS1], attention[.endToS2]).map { zip($0, $1).map { $0 + $1 } }
        let (onIO, onS) = (Array(projections.io[all]), Array(projections.s[all]))
        func means(_ columns: [[Double]]) -> HeadMap {
            HeadMap(means: columns, heads: heads, seed: seed, workers: workers)
        }
        func correlations(_ series: (Int) -> [Correlation.Series]) -> HeadMap {
            HeadMap(Correlation.figures(all.map(series), seed: seed, workers: workers), heads: heads)
        }
        attentionToIO = means(toIO)
        attentionToS = means(toS)
        projectionOnIO = means(onIO)
        projectionOnS = means(onS)
        correlationIO = correlations { [(toIO[$0], onIO[$0])] }
        correlationS = correlations { [(toS[$0], onS[$0])] }
        correlation = correlations { [(toIO[$0], onIO[$0]), (toS[$0], onS[$0])] }
        self.perPrompt =
            perPrompt
            ? PerPrompt(
                attentionToIO: toIO.rows(of: heads), attentionToS: toS.rows(of: heads),
                projectionOnIO: onIO.rows(of: heads), projectionOnS: onS.rows(of: heads)
            ) : nil
    }

    /// Drops the points of all other heads.
    mutating func keepPrompts(of heads: Set<Head>) {
        let fields: [WritableKeyPath<PerPrompt, [[[Double]]]>] = [
            \.attentionToIO, \.attentionToS, \.projectionOnIO, \.projectionOnS,
        ]
        for field in fields {
            for (layer, row) in (perPrompt?[keyPath: field] ?? []).enumerated() {
                for head in row.indices where !heads.contains(Head(layer, head)) {
                    perPrompt?[keyPath: field][layer][head] = []
                }
            }
        }
    }
}
