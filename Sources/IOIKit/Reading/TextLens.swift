/// What the residual stream says at each position of a text: after the embedding, and after each layer.
public struct TextLens: Codable, Equatable, Sendable {
    /// The token of the largest logit.
    public struct Reading: Codable, Equatable, Sendable {
        public let text: String
        public let id: Int
        public let logit: Double
        public let probability: Double
    }

    /// The text as the tokenizer cuts it.
    public let tokens: [TextToken]
    /// After the embedding. [positions]
    public let embedding: [Reading]
    /// After each layer; the last one is the model's own prediction. [layers][positions]
    public let layers: [[Reading]]

    init(_ tokens: [TextToken], _ model: GPT2, _ work: Work) throws {
        let batch = PackedBatch([tokens.map(\.id)], rows: .all)
        let forward = ForwardPass(
            model.parameters, capacity: batch.capacity, keeping: [.residPre, .residPost], workers: work.workers)
        forward.run(batch)
        let lens = LogitLens(model.parameters, workers: work.workers)
        let count = model.config.layers
        func read(_ residual: Matrix) throws -> [Reading] {
            try work.settings.checkInterruption()
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
            work.progress(Double(layer + 1) / Double(count + 1))
            return try read(forward.kept(.residPost, layer: layer))
        }
    }
}
