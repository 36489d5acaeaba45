/// An IOI prompt with its counterfactual: one line of a prompts file.
///
/// Token indices start at 0 and count the beginning-of-text token, if there is one.
public struct IOIPrompt: Codable, Equatable, Sendable {
    /// The index of the prompt in its dataset.
    public var id: Int
    /// The name of its ``DatasetRule`` or ``PublishedDataset``, or of the user's data.
    public var dataset: String
    public var template: String
    public var order: NameOrder
    /// The prompt up to the answer, without the beginning-of-text token.
    public var text: String
    public var tokens: [Int]
    /// The label, with its leading space.
    public var answer: String
    public var answerToken: Int
    /// The indirect object's name, with its leading space.
    public var io: String
    public var ioToken: Int
    /// The subject's name, with its leading space.
    public var s: String
    public var sToken: Int
    /// The place, without a leading space; optional in a user's prompts.
    public var place: String?
    /// The object, without a leading space; optional in a user's prompts.
    public var object: String?
    public var positions: Positions
    /// The counterfactual; optional in a user's prompts.
    public var abcText: String?
    /// The tokens of the counterfactual, as many as the prompt's.
    public var abcTokens: [Int]?

    public init(
        id: Int,
        dataset: String,
        template: String,
        order: NameOrder,
        text: String,
        tokens: [Int],
        answer: String,
        answerToken: Int,
        io: String,
        ioToken: Int,
        s: String,
        sToken: Int,
        place: String?,
        object: String?,
        positions: Positions,
        abcText: String?,
        abcTokens: [Int]?
    ) {
        self.id = id
        self.dataset = dataset
        self.template = template
        self.order = order
        self.text = text
        self.tokens = tokens
        self.answer = answer
        self.answerToken = answerToken
        self.io = io
        self.ioToken = ioToken
        self.s = s
        self.sToken = sToken
        self.place = place
        self.object = object
        self.positions = positions
        self.abcText = abcText
        self.abcTokens = abcTokens
    }

    enum CodingKeys: String, CodingKey {
        case id, dataset, template, order, text, tokens, answer
        case answerToken = "answer_token"
        case io
        case ioToken = "io_token"
        case s
        case sToken = "s_token"
        case place, object, positions
        case abcText = "abc_text"
        case abcTokens = "abc_tokens"
    }
}

extension Prompt {
    /// An IOI prompt as a prompt of any task: IO is right, S is wrong.
    public init(_ prompt: IOIPrompt) {
        self.init(
            id: prompt.id, dataset: prompt.dataset, template: prompt.template, group: prompt.order.rawValue,
            text: prompt.text, tokens: prompt.tokens, counterfactualText: prompt.abcText,
            counterfactualTokens: prompt.abcTokens, rightTokens: [prompt.ioToken], wrongTokens: [prompt.sToken],
            answer: prompt.answer, answerToken: prompt.answerToken, positions: prompt.positions
        )
    }
}

/// Which of the two names comes first.
public enum NameOrder: String, CaseIterable, Codable, Sendable {
    /// The indirect object first: IO, S … S.
    case abba = "ABBA"
    /// The subject first: S, IO … S.
    case baba = "BABA"
}
