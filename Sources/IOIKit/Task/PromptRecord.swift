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
    private(set) var source: String
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
        self = try InputFile.decode(PromptRecord.self, from: line, path: source)
        self.source = source
    }
}

extension PromptRecord: Decodable {
    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Prompt.CodingKeys.self)
        source = ""
        id = try fields.integer(.id)
        dataset = try fields.decodeIfPresent(String.self, forKey: .dataset)
        template = try fields.decodeIfPresent(String.self, forKey: .template)
        order = try fields.decodeIfPresent(String.self, forKey: .order)
        text = try fields.decodeIfPresent(String.self, forKey: .text)
        tokens = try fields.integers(.tokens)
        answer = try fields.decodeIfPresent(String.self, forKey: .answer)
        answerToken = try fields.integer(.answerToken)
        io = try fields.decodeIfPresent(String.self, forKey: .io)
        ioToken = try fields.integer(.ioToken)
        s = try fields.decodeIfPresent(String.self, forKey: .s)
        sToken = try fields.integer(.sToken)
        place = try fields.decodeIfPresent(String.self, forKey: .place)
        object = try fields.decodeIfPresent(String.self, forKey: .object)
        positions = try fields.decodeIfPresent(StatedPositions.self, forKey: .positions)
        abcText = try fields.decodeIfPresent(String.self, forKey: .abcText)
        abcTokens = try fields.integers(.abcTokens)
    }
}

extension PromptRecord.StatedPositions: Decodable {
    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Positions.CodingKeys.self)
        io = try fields.integer(.io)
        s1 = try fields.integer(.s1)
        s1Next = try fields.integer(.s1Next)
        s2 = try fields.integer(.s2)
        end = try fields.integer(.end)
    }
}

extension KeyedDecodingContainer {
    fileprivate func integer(_ key: Key) throws -> Int? {
        try decodeIfPresent(WholeNumber.self, forKey: key)?.value
    }

    fileprivate func integers(_ key: Key) throws -> [Int]? {
        try decodeIfPresent([WholeNumber].self, forKey: key)?.map(\.value)
    }
}
