/// One prompt of the task with its counterfactual, as a line of a prompts file holds it.
///
/// Token indices count from 0 and include the beginning-of-text token where there is one.
public struct Prompt: Codable, Equatable, Sendable {
    /// Which prompt of its dataset it is, from 0.
    public var id: Int
    /// The name of its ``DatasetRule``, or of the user's own data.
    public var dataset: String
    public var template: String
    public var order: NameOrder
    /// The prompt up to the answer, without the beginning-of-text token.
    public var text: String
    public var tokens: [Int]
    /// What the dataset's label is, with its leading space.
    public var answer: String
    public var answerToken: Int
    /// The indirect object's name, with its leading space.
    public var io: String
    public var ioToken: Int
    /// The subject's name, with its leading space.
    public var s: String
    public var sToken: Int
    /// The place, without a leading space; a user's own prompt may have none.
    public var place: String?
    /// The object, without a leading space; a user's own prompt may have none.
    public var object: String?
    public var positions: Positions
    /// The counterfactual input; a user's own prompt may have none.
    public var abcText: String?
    /// The counterfactual input's tokens, as many as the prompt's.
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
