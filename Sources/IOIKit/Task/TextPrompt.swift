import Foundation

/// A text that a user typed, as a model reads it.
public struct TextPrompt: Equatable, Sendable {
    public let text: String
    /// With the beginning-of-text token, if there is one.
    public let tokens: [Int]
    /// The text of each token, with its leading space. [tokens]
    public let pieces: [String]
    /// Whether the first token is `<|endoftext|>`, put before the text.
    public let beginsText: Bool

    /// - Parameters:
    ///   - text: what the model reads.
    ///   - model: its tokenizer cuts the text.
    ///   - beginningOfText: whether `<|endoftext|>` comes first.
    /// - Throws: `IOIError` if the text has no token or more than the model's context, or the model has no tokenizer.
    public init(_ text: String, for model: GPT2, beginningOfText: Bool = false) throws {
        let tokenizer = try model.requireTokenizer()
        let own = tokenizer.encode(text)
        guard !own.isEmpty else { throw IOIError.usage("the text: found nothing, expected at least one word") }
        tokens = (beginningOfText ? [try tokenizer.beginningOfText()] : []) + own
        guard tokens.count <= model.config.contextLength else {
            throw IOIError.usage(
                "the text: found \(tokens.count) tokens, expected at most \(model.config.contextLength), the model's context"
            )
        }
        self.text = text
        pieces = tokenizer.pieces(tokens)
        beginsText = beginningOfText
    }

    /// The text on standard input, without the newline that ends it.
    ///
    /// - Throws: `IOIError` if it cannot be read or is not UTF-8.
    public static func standardInput() throws -> String {
        let contents = try StandardInput.contents.get()
        guard let text = String(data: contents, encoding: .utf8) else {
            throw IOIError("standard input: found bytes that are not UTF-8, expected a text")
        }
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }
}

extension BPETokenizer {
    /// The text of each token by itself, with U+FFFD for a part of a character.
    func pieces(_ tokens: [Int]) -> [String] { tokens.map { decode([$0]) } }
}
