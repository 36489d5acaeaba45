import Foundation

/// Prompts of a ``ChoiceTask`` and the exact contents of their file.
public struct ChoiceDataset: Sendable {
    /// The name of the ``ChoiceTask``, or of the user's own data.
    public let name: String
    /// The seed of generated prompts; nil for prompts read from a file.
    public let seed: UInt64?
    public let prompts: [ChoicePrompt]
    /// The prompts as JSON Lines: generated, or exactly as read from the file.
    public let jsonLines: Data

    public var count: Int { prompts.count }
}

extension ChoiceDataset {
    /// Reads a prompts file; nil if its first line is not a ``ChoicePrompt``.
    ///
    /// - Throws: `IOIError` naming the file, line and field that is missing or invalid.
    init?(contentsOf file: URL, config: GPT2Config) throws {
        struct Kind: Decodable {
            let rightTokens: [Int]

            enum CodingKeys: String, CodingKey {
                case rightTokens = "right_tokens"
            }
        }
        let bytes = try InputFile.read(file, limit: .max)
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        guard let first = lines.first, (try? JSONDecoder().decode(Kind.self, from: Data(first))) != nil else {
            return nil
        }
        prompts = try lines.enumerated().map { index, line in
            let source = "\(file.path) line \(index + 1)"
            let prompt = try InputFile.decode(ChoicePrompt.self, from: Data(line), path: source)
            try prompt.check(config, source: source)
            return prompt
        }
        let names = Set(prompts.map(\.dataset))
        name = names.count == 1 ? prompts[0].dataset : file.deletingPathExtension().lastPathComponent
        seed = nil
        jsonLines = bytes
    }
}

extension ChoicePrompt {
    /// - Throws: `IOIError` naming the field that does not fit a model of this config or contradicts another field.
    fileprivate func check(_ config: GPT2Config, source: String) throws {
        func demand(_ condition: Bool, _ field: CodingKeys, _ found: String, _ expected: String) throws {
            guard condition else {
                throw IOIError("\(source): \(field.rawValue): found \(found), expected \(expected)")
            }
        }
        try demand(
            (1...config.contextLength).contains(tokens.count), .tokens, "\(tokens.count) tokens",
            "1 to \(config.contextLength)"
        )
        for (field, ids) in [
            (CodingKeys.tokens, tokens), (.rightTokens, rightTokens), (.wrongTokens, wrongTokens),
        ] {
            try demand(!ids.isEmpty, field, "none", "at least one")
            if let id = ids.first(where: { !(0..<config.vocabularySize).contains($0) }) {
                try demand(false, field, "\(id)", "ids below \(config.vocabularySize)")
            }
        }
        for (field, ids) in [(CodingKeys.rightTokens, rightTokens), (.wrongTokens, wrongTokens)] {
            if let twice = ids.firstRepeated() { try demand(false, field, "\(twice) twice", "each once") }
        }
        if let both = rightTokens.first(where: wrongTokens.contains) {
            try demand(false, .wrongTokens, "\(both)", "none of right_tokens")
        }
        try demand(rightTokens.contains(answerToken), .answerToken, "\(answerToken)", "one of right_tokens")
    }
}

/// A prompt after which some next tokens are right and some wrong: one line of a prompts file.
public struct ChoicePrompt: Codable, Equatable, Sendable {
    /// The index of the prompt in its dataset.
    public var id: Int
    /// The name of its ``ChoiceTask``, or of the user's own data.
    public var dataset: String
    /// The name of its sentence.
    public var template: String
    /// The kind of prompt: the numbers of subject and other noun, such as `plural-singular`, or the decade of the year,
    /// such as `30s`.
    public var group: String
    /// The prompt up to the answer, without the beginning-of-text token.
    public var text: String
    /// The words in the slots of its sentence.
    public var words: [String: String]
    public var tokens: [Int]
    /// The label, with its leading space if it has one.
    public var answer: String
    public var answerToken: Int
    /// These include the label.
    public var rightTokens: [Int]
    public var wrongTokens: [Int]

    enum CodingKeys: String, CodingKey {
        case id, dataset, template, group, text, words, tokens, answer
        case answerToken = "answer_token"
        case rightTokens = "right_tokens"
        case wrongTokens = "wrong_tokens"
    }
}
