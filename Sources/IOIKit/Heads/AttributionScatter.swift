/// Whether heads write the names that they attend to: the attention from END to a name against the projection of the
/// head's output at END onto that name's direction (Wang et al. 2211.00593, section 3.1, figure 3c).
///
/// Attention to S is the sum over S1 and S2. Directions are rows of W_U with γ of the final LayerNorm folded in,
/// centred over vocabulary and dimensions. Projections are not scaled by the LayerNorm.
public struct AttributionScatter: Codable, Equatable, Sendable {
    /// The points of each prompt, [layer][head][prompt]; empty for heads whose points were not requested.
    public struct PerPrompt: Codable, Equatable, Sendable {
        public fileprivate(set) var attentionToIO, attentionToS, projectionOnIO, projectionOnS: [[[Double]]]

        enum CodingKeys: String, CodingKey {
            case attentionToIO = "attention_to_io"
            case attentionToS = "attention_to_s"
            case projectionOnIO = "projection_on_io"
            case projectionOnS = "projection_on_s"
        }

        fileprivate init(
            attentionToIO: [[[Double]]],
            attentionToS: [[[Double]]],
            projectionOnIO: [[[Double]]],
            projectionOnS: [[[Double]]]
        ) {
            (self.attentionToIO, self.attentionToS) = (attentionToIO, attentionToS)
            (self.projectionOnIO, self.projectionOnS) = (projectionOnIO, projectionOnS)
        }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            func points(_ key: CodingKeys) throws -> [[[Double]]] {
                try container.decodeMap(of: [Double].self, forKey: key)
            }
            self.init(
                attentionToIO: try points(.attentionToIO), attentionToS: try points(.attentionToS),
                projectionOnIO: try points(.projectionOnIO), projectionOnS: try points(.projectionOnS)
            )
        }
    }

    /// Mean attention from END.
    public let attentionToIO, attentionToS: HeadMap
    /// Mean projections of the heads' outputs at END.
    public let projectionOnIO, projectionOnS: HeadMap
    /// Pearson's ρ of attention and projection over prompts, for IO, for S and for both pooled.
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
            HeadMap(Correlation.estimates(all.map(series), seed: seed, workers: workers), heads: heads)
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

    /// Keeps each prompt's points for the given heads only.
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
