/// A text for a model to read, taken as it is.
public struct TextInput: Codable, Equatable, Sendable {
    /// With every blank and line break that it is to have.
    public var text: String
    /// Whether `<|endoftext|>` comes before it.
    public var beginningOfText: Bool

    enum CodingKeys: String, CodingKey {
        case text
        case beginningOfText = "bos"
    }

    /// - Parameters:
    ///   - text: the text, with every blank and line break that it is to have.
    ///   - beginningOfText: whether `<|endoftext|>` comes before it.
    public init(_ text: String, beginningOfText: Bool = false) {
        self.text = text
        self.beginningOfText = beginningOfText
    }

    /// - Throws: `IOIError` of the field `text` if there is none.
    public func validate() throws {
        guard text.isEmpty else { return }
        throw IOIError.invalid("text", "found nothing, expected a text of at least one token")
    }

    /// The text of standard input, without the line break at its end.
    ///
    /// - Throws: `IOIError` if it cannot be read or is no UTF-8.
    public static func standardInput() throws -> String {
        var contents = try StandardInput.contents.get()
        if contents.last == UInt8(ascii: "\n") { contents.removeLast() }
        if contents.last == UInt8(ascii: "\r") { contents.removeLast() }
        guard let text = String(validating: contents, as: UTF8.self) else {
            throw IOIError("standard input: found bytes that are no UTF-8, expected a text")
        }
        return text
    }

    /// The text as the model's tokenizer cuts it.
    ///
    /// - Throws: `IOIError` if the model has no tokenizer, or the text is longer than its context.
    public func tokens(for model: GPT2) throws -> [TextToken] {
        let tokenizer = try model.requireTokenizer()
        let ids = try (beginningOfText ? [tokenizer.beginningOfText()] : []) + tokenizer.encode(text)
        try Self.check(ids, for: model)
        return ids.map { TextToken($0, of: tokenizer) }
    }

    /// - Throws: `IOIError` of the field `input.text` if the model's context is shorter than the tokens.
    static func check(_ tokens: [Int], for model: GPT2) throws {
        let most = model.config.contextLength
        guard tokens.count > most else { return }
        throw IOIError.invalid(
            "input.text",
            "found \(tokens.count) tokens, expected at most \(most), the context of \(model.location.name)")
    }
}

/// A token and the text that it stands for.
public struct TextToken: Codable, Equatable, Sendable {
    /// U+FFFD for bytes that are no character by themselves.
    public let text: String
    /// Its place in the vocabulary.
    public let id: Int

    /// - Parameters:
    ///   - id: in the vocabulary.
    ///   - tokenizer: nil for none; then the text is empty.
    init(_ id: Int, of tokenizer: BPETokenizer?) {
        self.id = id
        text = tokenizer?.decode([id]) ?? ""
    }
}
