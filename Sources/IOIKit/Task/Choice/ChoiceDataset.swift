import Foundation

/// Prompts of a ``ChoiceTask`` and the exact bytes of the file that holds them.
public struct ChoiceDataset: Sendable {
    /// The name of the ``ChoiceTask``, or of the user's own data.
    public let name: String
    /// What the prompts were drawn from; none for prompts read from a file.
    public let seed: UInt64?
    public let prompts: [ChoicePrompt]
    /// The JSON Lines: what to write, or what was read, byte by byte.
    public let jsonLines: Data

    public var count: Int { prompts.count }
}

extension ChoiceDataset {
    /// The prompts of a file as `ioi data` writes it; nil where its first line is no such prompt.
    ///
    /// - Throws: ``IOIError`` naming the file, line and field that is not as it has to be.
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
    /// - Throws: ``IOIError`` naming the field that a model of this config cannot take, or that contradicts another.
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
