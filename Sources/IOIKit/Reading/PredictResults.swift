/// The tokens that one or more models expect after a text.
public struct PredictResults: Codable, Equatable, Sendable {
    /// A further model.
    public struct Model: Codable, Equatable, Sendable {
        /// As in the options.
        public let name: String
        /// Of its weights.
        public let sha256: String
    }

    /// What one model says of a token.
    public struct Figure: Codable, Equatable, Sendable {
        /// From 1, the largest logit.
        public let rank: Int
        /// As the unembedding gives it.
        public let logit: Double
        /// Its share in the softmax of all logits.
        public let probability: Double
    }

    /// A token that may come next.
    public struct Candidate: Codable, Equatable, Sendable {
        /// What it stands for.
        public let text: String
        /// Its place in the vocabulary.
        public let id: Int
        /// Of the model, then of each further one; nil where the vocabulary lacks the token.
        public let figures: [Figure?]

        init(_ token: TextToken, _ figures: [Figure?]) {
            (text, id, self.figures) = (token.text, token.id, figures)
        }
    }

    /// The text as the tokenizer cuts it.
    public let tokens: [TextToken]
    /// The further models; nil for none.
    public let against: [Model]?
    /// The tokens that the model expects most, then those that further models expect most and it does not.
    public let candidates: [Candidate]
    /// The tokens that were asked for; nil for none.
    public let answers: [Candidate]?
}
