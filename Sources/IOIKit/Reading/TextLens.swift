/// What the residual stream says at each position of a text: after the embedding, and after each layer.
public struct TextLens: Codable, Equatable, Sendable {
    /// The token of the largest logit.
    public struct Reading: Codable, Equatable, Sendable {
        /// What it stands for.
        public let text: String
        /// Its place in the vocabulary.
        public let id: Int
        /// Its logit, the largest.
        public let logit: Double
        /// Its share in the softmax of all logits.
        public let probability: Double
    }

    /// The text as the tokenizer cuts it.
    public let tokens: [TextToken]
    /// After the embedding. [positions]
    public let embedding: [Reading]
    /// After each layer; the last one is the model's own prediction. [layers][positions]
    public let layers: [[Reading]]

    /// - Parameters:
    ///   - tokens: the text; not empty.
    ///   - model: the model, with its tokenizer.
    ///   - settings: threads and interruption.
    ///   - progress: called with the share that is done.
    /// - Throws: `IOIError` if a logit is not finite; ``PatchInterruption`` when interrupted.
    init(_ tokens: [TextToken], _ model: GPT2, _ settings: RunSettings, progress: (Double) -> Void) throws {
        let workers = settings.workers
        let batch = PackedBatch([tokens.map(\.id)], rows: .all)
        let forward = ForwardPass(
            model.parameters, capacity: batch.capacity, keeping: [.residPre, .residPost], workers: workers)
        forward.run(batch)
        let lens = LogitLens(model.parameters, workers: workers)
        let count = model.config.layers
        func read(_ residual: Matrix) throws -> [Reading] {
            try settings.checkInterruption()
            return try lens.read(residual) { logits in
                var top = 0
                for token in logits.indices where logits[token] > logits[top] { top = token }
                return (id: top, logit: Double(logits[top]), probability: Prediction(logits).probability([top]))
            }.map {
                Reading(
                    text: TextToken($0.id, of: model.tokenizer).text, id: $0.id, logit: $0.logit,
                    probability: $0.probability)
            }
        }
        self.tokens = tokens
        embedding = try read(forward.kept(.residPre, layer: 0))
        layers = try (0..<count).map { layer in
            progress(Double(layer + 1) / Double(count + 1))
            return try read(forward.kept(.residPost, layer: layer))
        }
    }
}
