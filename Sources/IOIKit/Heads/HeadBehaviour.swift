/// Attention patterns used to name heads at S2 and S1+1 (Wang et al. 2211.00593, section 3).
///
/// Random repeated tokens take precedence, since there a head can rely on repetition only. A head without a clear
/// pattern there, because it is specific to names, is classified by its attention on the task's prompts.
public struct HeadBehaviour: Codable, Equatable, Sendable {
    /// Raw values are class names.
    public enum Kind: String, Sendable {
        /// Attends to the previous occurrence of the token: from S2 to S1.
        case duplicateToken = "duplicate token"
        /// Attends to the token after the previous occurrence: from S2 to S1+1.
        case induction
        /// Attends to the preceding token: from S1+1 to S1.
        case previousToken = "previous token"
    }

    /// Mean attention on prompts. [layer][head]
    public struct Scores: Codable, Equatable, Sendable {
        public var previous, duplicate, induction: [[Double]]
        public var endToIO, endToS2: [[Double]]

        enum CodingKeys: String, CodingKey {
            case previous, duplicate, induction
            case endToIO = "end_to_io"
            case endToS2 = "end_to_s2"
        }
    }

    public let repeatedTokens: RepeatedTokens
    public let prompts: Scores

    enum CodingKeys: String, CodingKey {
        case repeatedTokens = "repeated_tokens"
        case prompts
    }

    /// - Parameters:
    ///   - seed: for the random tokens.
    ///   - prompts: the prompts to measure.
    ///   - workers: the threads that compute.
    ///   - model: the model to measure.
    /// - Throws: `IOIError` if attention is not finite.
    public init(_ model: GPT2Parameters, _ prompts: [Prompt], seed: UInt64, workers: Workers) throws {
        repeatedTokens = try RepeatedTokens(model, seed: seed, workers: workers)
        var measures = TaskAttention.Measures(model.config)
        try PromptPass.run(
            model, prompts, keeping: TaskAttention.Measures.sites, settings: RunSettings(workers: workers)
        ) { measures.add($0, $1) }
        self.prompts = Scores(
            previous: measures.means(.previous), duplicate: measures.means(.duplicate),
            induction: measures.means(.induction), endToIO: measures.means(.endToIO), endToS2: measures.means(.endToS2)
        )
    }

    /// Whether a head attends from END to S2 at least by `threshold` and more than to IO.
    func attendsToS2(head: Head, from threshold: Double) -> Bool {
        let attention = prompts.endToS2[head.layer][head.index]
        return attention >= threshold && attention > prompts.endToIO[head.layer][head.index]
    }

    /// The strongest of some kinds of attention on random repeated tokens, or else on the prompts; nil if none reaches
    /// the threshold.
    ///
    /// - Parameters:
    ///   - threshold: the least mean attention.
    ///   - head: the head.
    ///   - kinds: the kinds to choose among.
    public func kind(of head: Head, among kinds: [Kind], from threshold: Double) -> Kind? {
        for isRandom in [true, false] {
            func score(_ kind: Kind) -> Double {
                let scores =
                    switch kind {
                    case .previousToken: isRandom ? repeatedTokens.previous : prompts.previous
                    case .duplicateToken: isRandom ? repeatedTokens.duplicate : prompts.duplicate
                    case .induction: isRandom ? repeatedTokens.induction : prompts.induction
                    }
                return scores[head.layer][head.index]
            }
            if let most = kinds.max(by: { score($0) < score($1) }), score(most) >= threshold { return most }
        }
        return nil
    }
}
