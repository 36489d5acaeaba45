import Foundation

extension TaskDataset {
    /// Reads a prompts file of a task other than IOI; nil if its first line is not such a prompt.
    ///
    /// - Throws: `IOIError` naming the file, line and field that is missing or invalid.
    init?(contentsOf file: URL, config: GPT2Config) throws {
        struct Kind: Decodable {
            let right_tokens: [Int]
        }
        let bytes = try InputFile.read(file, limit: .max)
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        guard let first = lines.first, (try? JSONDecoder().decode(Kind.self, from: Data(first))) != nil else {
            return nil
        }
        let prompts = try lines.enumerated().map { index, line in
            let source = "\(file.path) line \(index + 1)"
            let record = try InputFile.decode(TaskPromptRecord.self, from: Data(line), path: source)
            return try record.prompt(config, source: source)
        }
        let names = Set(prompts.map(\.dataset))
        self.init(
            name: names.count == 1 ? prompts[0].dataset : file.deletingPathExtension().lastPathComponent, seed: nil,
            prompts: prompts, jsonLines: bytes
        )
    }
}

/// A line of a prompts file of a task other than IOI.
struct TaskPromptRecord: Decodable {
    let id: Int
    let dataset: String
    let template: String
    let group: String
    let text: String
    let words: [String: String]
    let tokens: [Int]
    let answer: String
    let answerToken: Int
    let rightTokens: [Int]
    let wrongTokens: [Int]
    let positions: Positions?
    let counterfactual: String?
    let counterfactualTokens: [Int]?

    enum CodingKeys: String, CodingKey {
        case id, dataset, template, group, text, words, tokens, answer, positions, counterfactual
        case answerToken = "answer_token"
        case rightTokens = "right_tokens"
        case wrongTokens = "wrong_tokens"
        case counterfactualTokens = "counterfactual_tokens"
    }

    /// - Throws: `IOIError` naming the field that does not fit a model of this config or contradicts another field.
    func prompt(_ config: GPT2Config, source: String) throws -> Prompt {
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
        return Prompt(
            id: id, dataset: dataset, template: template, group: group, text: text, tokens: tokens,
            counterfactualText: counterfactual, counterfactualTokens: counterfactualTokens, rightTokens: rightTokens,
            wrongTokens: wrongTokens, answer: answer, answerToken: answerToken, positions: positions, words: words
        )
    }
}
