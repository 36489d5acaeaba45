/// What heads attend to, by which heads at S2 and S1+1 are named (Wang et al. 2211.00593, section 3).
///
/// Random repeated tokens come first, since there a head can go by repetition alone. A head that does nothing clear
/// there, because its work is done on names, is judged by its attention on the task's prompts.
public struct HeadBehaviour: Codable, Equatable, Sendable {
    /// Raw values are the names of classes.
    public enum Kind: String, Sendable {
        /// To the same token before: from S2 to S1.
        case duplicateToken = "duplicate token"
        /// To the token after that one: from S2 to S1+1.
        case induction
        /// To the token just before: from S1+1 to S1.
        case previousToken = "previous token"
    }

    /// Mean attention on prompts. [layer][head]
    public struct Scores: Codable, Equatable, Sendable {
        public var previous, duplicate, induction: [[Double]]
        /// From END to the indirect object, and to the subject where it stands again.
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

    /// - Parameter seed: what the random tokens are drawn from.
    /// - Throws: `IOIError` where attention is not a finite number.
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

    /// Whether a head clearly attends from END to S2, and more than to IO.
    func attendsToS2(head: Head, from threshold: Double) -> Bool {
        let attention = prompts.endToS2[head.layer][head.index]
        return attention >= threshold && attention > prompts.endToIO[head.layer][head.index]
    }

    /// What a head does most, of some kinds, where it clearly does one of them: on random repeated tokens, or else on the
    /// prompts.
    ///
    /// - Parameter threshold: the mean attention that is clear.
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
