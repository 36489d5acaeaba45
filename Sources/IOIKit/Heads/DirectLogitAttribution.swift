/// The direct contribution of each head, MLP, bias and embedding to logit(IO) − logit(S) through the final LayerNorm,
/// with its mean and scale frozen for each prompt (Elhage et al. 2021, "A Mathematical Framework for Transformer
/// Circuits").
///
/// Values are means over prompts. They add up to the logit difference.
public struct DirectLogitAttribution: Codable, Equatable, Sendable {
    public struct PerPrompt: Codable, Equatable, Sendable {
        /// [layer][head][prompt]
        public let heads: [[[Double]]]
        /// [layer][prompt]
        public let attentionBiases, mlps: [[Double]]
        public let tokenEmbedding, positionEmbedding, finalBias: [Double]

        enum CodingKeys: String, CodingKey {
            case heads
            case attentionBiases = "attention_biases"
            case mlps
            case tokenEmbedding = "token_embedding"
            case positionEmbedding = "position_embedding"
            case finalBias = "final_bias"
        }
    }

    public let heads: HeadMap
    /// `heads` in percent of the mean logit difference.
    public let share: HeadMap
    /// The bias of each block's W_O; that of W_V is included in `heads`. [layer]
    public let attentionBiases: [Estimate]
    /// [layer]
    public let mlps: [Estimate]
    /// The embeddings at END.
    public let tokenEmbedding, positionEmbedding: Estimate
    /// β of the final LayerNorm.
    public let finalBias: Estimate
    public let allHeads, allAttentionBiases, allMLPs: Estimate
    /// The sum of all contributions.
    public let total: Estimate
    public let perPrompt: PerPrompt?

    enum CodingKeys: String, CodingKey {
        case heads, share
        case attentionBiases = "attention_biases"
        case mlps
        case tokenEmbedding = "token_embedding"
        case positionEmbedding = "position_embedding"
        case finalBias = "final_bias"
        case allHeads = "all_heads"
        case allAttentionBiases = "all_attention_biases"
        case allMLPs = "all_mlps"
        case total
        case perPrompt = "per_prompt"
    }

    init(_ projections: NameProjections, config: GPT2Config, seed: UInt64, workers: Workers, perPrompt: Bool) {
        let columns = projections.components.indices.map(projections.attribution) + [projections.biases]
        // The last column is the logit difference.
        let sums = ResampledSums(columns + [projections.differences], seed: seed, workers: workers)
        let whole = columns.count
        let (heads, layers) = (config.layers * config.heads, config.layers)
        let ranges = (
            heads: 0..<heads, attentionBiases: heads..<heads + layers, mlps: heads + layers..<heads + 2 * layers
        )
        func estimate(_ columns: Range<Int>) -> Estimate {
            sums.estimate { $0[columns].reduce(0, +) / sums.count }
        }
        func estimates(_ columns: Range<Int>) -> [Estimate] { columns.map { estimate($0..<$0 + 1) } }
        self.heads = HeadMap(estimates(ranges.heads), heads: config.heads)
        share = HeadMap(
            ranges.heads.map { column in sums.estimate { 100 * $0[column] / $0[whole] } }, heads: config.heads
        )
        attentionBiases = estimates(ranges.attentionBiases)
        mlps = estimates(ranges.mlps)
        let last = heads + 2 * layers
        tokenEmbedding = estimate(last..<last + 1)
        positionEmbedding = estimate(last + 1..<last + 2)
        finalBias = estimate(last + 2..<last + 3)
        allHeads = estimate(ranges.heads)
        allAttentionBiases = estimate(ranges.attentionBiases)
        allMLPs = estimate(ranges.mlps)
        total = estimate(columns.indices)
        self.perPrompt =
            perPrompt
            ? PerPrompt(
                heads: Array(columns[ranges.heads]).rows(of: config.heads),
                attentionBiases: Array(columns[ranges.attentionBiases]), mlps: Array(columns[ranges.mlps]),
                tokenEmbedding: columns[last], positionEmbedding: columns[last + 1], finalBias: columns[last + 2]
            ) : nil
    }
}
