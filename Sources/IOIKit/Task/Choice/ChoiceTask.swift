import Foundation

/// A task beside indirect-object identification: after a prompt, some next tokens are right and some are wrong.
public enum ChoiceTask: String, CaseIterable, Sendable {
    /// Subject–verb agreement: the verb has the number of the subject, not that of the noun between the two.
    case agreement
    /// A span of years ends after it begins (Hanna, Liu & Variengien 2023, arXiv 2305.00586).
    case greaterThan = "greater-than"

    /// The first prompts of the task. Each depends on the seed and its own number only.
    ///
    /// - Parameters:
    ///   - split: no noun of one split is in the other (agreement), or no noun with the same year (Greater-Than).
    ///   - file: nouns and sentences in place of the program's own, `Data/tasks/NAME.json`.
    ///   - beginningOfText: whether prompts begin with the tokenizer's end-of-text token.
    ///   - contextLength: how many tokens the model can take, where it is known.
    /// - Throws: ``IOIError`` for a file that is not as it has to be, a tokenizer that cannot write the answers, and a
    ///   prompt longer than the context; of kind `usage` for a count below one.
    public func dataset(
        count: Int,
        seed: UInt64,
        split: PromptGenerator.Split = .training,
        tokenizer: BPETokenizer,
        file: URL? = nil,
        beginningOfText: Bool = false,
        contextLength: Int? = nil
    ) throws -> ChoiceDataset {
        guard count > 0 else { throw IOIError.usage("--count: found \(count), expected at least 1") }
        let file = try file ?? DataDirectory.file("tasks/\(rawValue).json")
        let source: any ChoiceSource =
            switch self {
            case .agreement: try AgreementSource(contentsOf: file, tokenizer: tokenizer)
            case .greaterThan: try GreaterThanSource(contentsOf: file, tokenizer: tokenizer)
            }
        let beginning = beginningOfText ? [try tokenizer.beginningOfText()] : []
        let prompts = try (0..<count).map { index in
            var generator = SeededGenerator(seed, "\(split.rawValue) \(rawValue)", index)
            let draw = source.draw(split, using: &generator)
            let text = draw.sentence.filled(with: draw.words)
            let tokens = beginning + tokenizer.encode(text)
            if let contextLength, tokens.count > contextLength {
                throw IOIError(
                    "\(file.path): \(text.quoted): found \(tokens.count) tokens, expected at most the model's context of "
                        + "\(contextLength)"
                )
            }
            let answer = draw.right[generator.below(draw.right.count)]
            return ChoicePrompt(
                id: index, dataset: rawValue, template: draw.sentence.name, group: draw.group, text: text,
                words: draw.words, tokens: tokens, answer: tokenizer.decode([answer]), answerToken: answer,
                rightTokens: draw.right, wrongTokens: draw.wrong
            )
        }
        return ChoiceDataset(
            name: rawValue, seed: seed, prompts: prompts, jsonLines: PromptWriter.jsonLines(prompts)
        )
    }
}

/// What the prompts of a task are drawn from.
protocol ChoiceSource {
    func draw(_ split: PromptGenerator.Split, using generator: inout SeededGenerator) -> ChoiceDraw
}

/// What makes a prompt.
struct ChoiceDraw {
    let sentence: ChoiceSentence
    /// What fills its slots.
    let words: [String: String]
    let group: String
    let right, wrong: [Int]
}
