/// What each head, MLP, bias and embedding adds itself to logit(IO) − logit(S), through each prompt's own final LayerNorm
/// with mean and scale held (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits").
///
/// Means over prompts; the sum of all is the logit difference.
public struct DirectLogitAttribution: Codable, Equatable, Sendable {
    /// Each prompt's.
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

    /// Each head's result.
    public let heads: HeadMap
    /// The same, in percent of the mean logit difference.
    public let share: HeadMap
    /// The bias of each block's W_O; that of W_V is part of the heads' results. [layer]
    public let attentionBiases: [Estimate]
    /// [layer]
    public let mlps: [Estimate]
    /// Of the token at END, and of its position.
    public let tokenEmbedding, positionEmbedding: Estimate
    /// β of the final LayerNorm.
    public let finalBias: Estimate
    /// Of all heads together, all attention biases, and all MLPs.
    public let allHeads, allAttentionBiases, allMLPs: Estimate
    /// Of all.
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
        // The last column is the whole.
        let sums = ResampledSums(columns + [projections.differences], seed: seed, workers: workers)
        let whole = columns.count
        let (heads, layers) = (config.layers * config.heads, config.layers)
        let ranges = (
            heads: 0..<heads, attentionBiases: heads..<heads + layers, mlps: heads + layers..<heads + 2 * layers
        )
        func figure(_ columns: Range<Int>) -> Estimate {
            sums.figure { $0[columns].reduce(0, +) / sums.count }
        }
        func figures(_ columns: Range<Int>) -> [Estimate] { columns.map { figure($0..<$0 + 1) } }
        self.heads = HeadMap(figures(ranges.heads), heads: config.heads)
        share = HeadMap(
            ranges.heads.map { column in sums.figure { 100 * $0[column] / $0[whole] } }, heads: config.heads
        )
        attentionBiases = figures(ranges.attentionBiases)
        mlps = figures(ranges.mlps)
        let last = heads + 2 * layers
        tokenEmbedding = figure(last..<last + 1)
        positionEmbedding = figure(last + 1..<last + 2)
        finalBias = figure(last + 2..<last + 3)
        allHeads = figure(ranges.heads)
        allAttentionBiases = figure(ranges.attentionBiases)
        allMLPs = figure(ranges.mlps)
        total = figure(columns.indices)
        self.perPrompt =
            perPrompt
            ? PerPrompt(
                heads: Array(columns[ranges.heads]).rows(of: config.heads),
                attentionBiases: Array(columns[ranges.attentionBiases]), mlps: Array(columns[ranges.mlps]),
                tokenEmbedding: columns[last], positionEmbedding: columns[last + 1], finalBias: columns[last + 2]
            ) : nil
    }
}
