/// A metric of prompts read from the residual stream at END: after the embedding, and after attention and MLP of each
/// layer.
public struct PromptLens: Codable, Equatable, Sendable {
    /// The readings of one prompt.
    public struct Measures: Codable, Equatable, Sendable {
        /// Of the prompt in its dataset.
        public let id: Int
        /// After the embedding.
        public let embedding: Double
        /// After the attention, and after the MLP, of each layer. [layers]
        public let afterAttention, afterMLP: [Double]

        enum CodingKeys: String, CodingKey {
            case id, embedding
            case afterAttention = "after_attention"
            case afterMLP = "after_mlp"
        }
    }

    /// The number of prompts.
    public let count: Int
    /// After the embedding.
    public let embedding: Estimate
    /// After the attention of each layer. [layers]
    public let afterAttention: [Estimate]
    /// After the MLP of each layer; the last one is the model's own. [layers]
    public let afterMLP: [Estimate]
    /// What the attention of each layer adds: the reading after it less the one before, prompt by prompt. [layers]
    public let attentionAdds: [Estimate]
    /// What the MLP of each layer adds. [layers]
    public let mlpAdds: [Estimate]
    /// nil unless requested.
    public let perPrompt: [Measures]?

    enum CodingKeys: String, CodingKey {
        case count, embedding
        case afterAttention = "after_attention"
        case afterMLP = "after_mlp"
        case attentionAdds = "attention_adds"
        case mlpAdds = "mlp_adds"
        case perPrompt = "per_prompt"
    }

    /// The most prompts that are run together, and about the most rows: 2048 of a model of 48 layers take 1.9 GB.
    private static let (prompts, rows) = (64, 2048)

    /// - Parameters:
    ///   - metric: what is measured.
    ///   - model: the model.
    ///   - seed: of the intervals.
    ///   - settings: threads and interruption.
    ///   - isDetailed: whether to keep each prompt's readings.
    ///   - progress: called with the share that is done.
    ///   - prompts: at least one.
    /// - Throws: `IOIError` if a reading is not finite; ``PatchInterruption`` when interrupted.
    init(
        _ prompts: [Prompt],
        _ metric: Metric,
        _ model: GPT2Parameters,
        seed: UInt64,
        _ settings: RunSettings,
        perPrompt isDetailed: Bool,
        progress: (Double) -> Void
    ) throws {
        let workers = settings.workers
        let longest = prompts.map(\.tokens.count).max() ?? 1
        let batch = max(1, min(Self.prompts, Self.rows / longest))
        let forward = ForwardPass(
            model, capacity: BatchCapacity(lengths: prompts.map(\.tokens.count), count: batch, rows: .last),
            keeping: [.residPre, .residMid, .residPost], workers: workers)
        let lens = LogitLens(model, workers: workers)
        let reader = MetricReader(metric, model, workers: workers)
        let ends = ValueTable(rows: batch, columns: model.config.width)
        let layers = model.config.layers
        // [readings][prompts], in the order of computation.
        var readings = [[Double]](repeating: [], count: 1 + 2 * layers)
        try settings.divide {
            let part = settings.ranks.part(of: prompts.count)
            for start in stride(from: part.lowerBound, to: part.upperBound, by: batch) {
                try settings.checkInterruption()
                let some = prompts[start..<min(start + batch, part.upperBound)]
                let packed = PackedBatch(some.map(\.tokens), rows: .last)
                forward.run(packed)
                reader.prepare(some)
                /// The final LayerNorm of a site at END of each prompt.
                func rows(_ site: Site, _ layer: Int) -> [MetricReader.Row] {
                    let places = packed.prompts.map {
                        forward.place(ofRow: packed.rowOfToken[$0.upperBound - 1], in: site, layer: layer)!
                    }
                    let ends = ends.values.prefix(some.count)
                    forward.kept(site, layer: layer).gather(places, into: ends, workers: workers)
                    return MetricReader.rows(lens.normalized(ends))
                }
                reader.takeReference(rows(.residPost, layers - 1))
                readings[0] += reader.values(rows(.residPre, 0))
                for layer in 0..<layers {
                    readings[1 + 2 * layer] += reader.values(rows(.residMid, layer))
                    readings[2 + 2 * layer] += reader.values(rows(.residPost, layer))
                }
                let bad = some.indices.first { prompt in
                    !readings.allSatisfy { $0[prompt - part.lowerBound].isFinite }
                }
                if let bad { throw IOIError("prompt \(prompts[bad].id): the model's logits are not finite numbers") }
                progress(Double(readings[0].count) / Double(part.count))
            }
        }
        readings = try settings.join(of: prompts.count) { readings }
        let added = zip(readings.dropFirst(), readings).map { zip($0, $1).map(-) }
        let sums = ResampledSums(readings + added, seed: seed, workers: workers)
        let estimates = (0..<readings.count + added.count).map { column in sums.estimate { $0[column] / sums.count } }
        func ofLayers(from first: Int) -> [Estimate] { (0..<layers).map { estimates[first + 2 * $0] } }
        count = prompts.count
        embedding = estimates[0]
        (afterAttention, afterMLP) = (ofLayers(from: 1), ofLayers(from: 2))
        (attentionAdds, mlpAdds) = (ofLayers(from: readings.count), ofLayers(from: readings.count + 1))
        perPrompt =
            !isDetailed
            ? nil
            : prompts.indices.map { prompt in
                func ofLayers(from first: Int) -> [Double] { (0..<layers).map { readings[first + 2 * $0][prompt] } }
                return Measures(
                    id: prompts[prompt].id, embedding: readings[0][prompt], afterAttention: ofLayers(from: 1),
                    afterMLP: ofLayers(from: 2))
            }
    }
}
