/// A prompt after which some next tokens are right and some are wrong, as a line of a prompts file holds it.
public struct ChoicePrompt: Codable, Equatable, Sendable {
    /// Which prompt of its dataset it is, from 0.
    public var id: Int
    /// The name of its ``ChoiceTask``, or of the user's own data.
    public var dataset: String
    /// The name of its sentence.
    public var template: String
    /// Prompts of one kind: by the numbers of subject and other noun, as in `plural-singular`, or by the decade of the
    /// year, as in `30s`.
    public var group: String
    /// The prompt up to the answer, without the beginning-of-text token.
    public var text: String
    /// What fills the slots of its sentence.
    public var words: [String: String]
    public var tokens: [Int]
    /// The label, with the leading space that it has.
    public var answer: String
    public var answerToken: Int
    /// The label is one of them.
    public var rightTokens: [Int]
    public var wrongTokens: [Int]

    enum CodingKeys: String, CodingKey {
        case id, dataset, template, group, text, words, tokens, answer
        case answerToken = "answer_token"
        case rightTokens = "right_tokens"
        case wrongTokens = "wrong_tokens"
    }
}
