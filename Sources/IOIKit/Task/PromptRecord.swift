import Foundation

/// A line of a prompts file as it stands there: everything may be missing until it is looked at.
struct PromptRecord {
    struct StatedPositions {
        let io: Int?
        let s1: Int?
        let s1Next: Int?
        let s2: Int?
        let end: Int?
    }

    /// The file and the line, for messages.
    let source: String
    let id: Int?
    let dataset: String?
    let template: String?
    let order: String?
    let text: String?
    let tokens: [Int]?
    let answer: String?
    let answerToken: Int?
    let io: String?
    let ioToken: Int?
    let s: String?
    let sToken: Int?
    let place: String?
    let object: String?
    let positions: StatedPositions?
    let abcText: String?
    let abcTokens: [Int]?

    /// - Throws: ``IOIError`` for a line that is not a JSON object, or where a field is of another type.
    init(_ line: Data, source: String) throws {
        let fields = try JSONFields(parsing: line, place: source)
        self.source = source
        id = try fields.integer("id")
        dataset = try fields.string("dataset")
        template = try fields.string("template")
        order = try fields.string("order")
        text = try fields.string("text")
        tokens = try fields.integers("tokens")
        answer = try fields.string("answer")
        answerToken = try fields.integer("answer_token")
        io = try fields.string("io")
        ioToken = try fields.integer("io_token")
        s = try fields.string("s")
        sToken = try fields.integer("s_token")
        place = try fields.string("place")
        object = try fields.string("object")
        positions = try fields.object("positions").map { positions in
            StatedPositions(
                io: try positions.integer(PositionClass.io.rawValue),
                s1: try positions.integer(PositionClass.s1.rawValue),
                s1Next: try positions.integer(PositionClass.s1Next.rawValue),
                s2: try positions.integer(PositionClass.s2.rawValue),
                end: try positions.integer(PositionClass.end.rawValue)
            )
        }
        abcText = try fields.string("abc_text")
        abcTokens = try fields.integers("abc_tokens")
    }
}
