import Foundation

/// A task other than IOI: after a prompt some next tokens are right and some wrong.
public enum ChoiceTask: String, CaseIterable, Sendable {
    /// Subject–verb agreement: the verb has the number of the subject, not of the noun between them.
    case agreement
    /// A span of years ends after it begins (Hanna et al. 2305.00586).
    case greaterThan = "greater-than"
    /// A pronoun has the gender of the subject.
    case pronouns
    /// The colour of one object of a list.
    case colours

    /// The names of all datasets of these tasks.
    public static let datasets = allCases.flatMap(\.datasets)

    /// Its own name, and for Greater-Than `greater-than-reversed`: the same prompts, labelled with wrong answers.
    var datasets: [String] { [rawValue] + (self == .greaterThan ? [reversedDataset] : []) }

    private var reversedDataset: String { "\(rawValue)-reversed" }

    /// The task that a dataset is of; nil if it is of none of these.
    public init?(dataset: String) {
        guard let task = Self.allCases.first(where: { $0.datasets.contains(dataset) }) else { return nil }
        self = task
    }

    /// The first `count` prompts of the task. Each depends only on the seed and its index.
    ///
    /// - Parameters:
    ///   - split: the splits share no noun (agreement, pronouns), no object (colours), or no pair of noun and year
    ///     (Greater-Than).
    ///   - isReversed: whether each label is drawn from the wrong answers; prompts, right and wrong tokens are the same.
    ///   - file: words and sentences; nil for `Data/tasks/NAME.json`.
    ///   - beginningOfText: whether prompts begin with `<|endoftext|>`.
    ///   - contextLength: the model's context length in tokens, if known.
    ///   - count: the number of prompts.
    ///   - tokenizer: the tokenizer of the prompts.
    ///   - seed: the seed of everything drawn at random.
    /// - Throws: `IOIError` if `count` is out of range, the file is invalid, the answers are not tokens of the tokenizer,
    ///   or a prompt is longer than the context.
    public func dataset(
        count: Int,
        seed: UInt64,
        split: PromptGenerator.Split = .training,
        isReversed: Bool = false,
        tokenizer: BPETokenizer,
        file: URL? = nil,
        beginningOfText: Bool = false,
        contextLength: Int? = nil
    ) throws -> TaskDataset {
        try IOIError.check("count", count, in: 1...PromptSource.most)
        let file = try file ?? DataDirectory.file("tasks/\(rawValue).json")
        let source = try source(file, tokenizer)
        let name = isReversed ? reversedDataset : rawValue
        let beginning = beginningOfText ? [try tokenizer.beginningOfText()] : []
        func tokens(_ text: String) -> [Int] { beginning + tokenizer.encode(text) }
        let prompts = try (0..<count).map { index in
            func stream(_ suffix: String = "") -> SeededGenerator {
                SeededGenerator(seed, "\(split.rawValue) \(rawValue)\(suffix)", index)
            }
            var (generator, counterfactuals, wrongLabels) = (stream(), stream(" counterfactual"), stream(" reversed"))
            let draw = source.draw(split, using: &generator, counterfactuals: &counterfactuals)
            let text = draw.sentence.filled(with: draw.words)
            let ids = tokens(text)
            if let contextLength, ids.count > contextLength {
                throw IOIError(
                    "\(file.path): \(text.quoted): found \(ids.count) tokens, expected at most the model's context of "
                        + "\(contextLength)"
                )
            }
            let right = draw.right[generator.below(draw.right.count)]
            let answer = isReversed ? draw.wrong[wrongLabels.below(draw.wrong.count)] : right
            // A slot follows a space and no letter follows it, so that the tokens before its end are those of the text.
            let positions = draw.positions.map { name, slot in
                (PositionName(name)!, tokens(draw.sentence.filled(with: draw.words, through: slot)).count - 1)
            }
            let counterfactual = draw.counterfactual.map { draw.sentence.filled(with: draw.words.merging($0) { $1 }) }
            return Prompt(
                id: index, dataset: name, template: draw.sentence.name, group: draw.group, text: text, tokens: ids,
                counterfactualText: counterfactual, counterfactualTokens: counterfactual.map(tokens),
                rightTokens: draw.right, wrongTokens: draw.wrong, answer: tokenizer.decode([answer]),
                answerToken: answer,
                positions: Positions(Dictionary(uniqueKeysWithValues: positions), count: ids.count), words: draw.words
            )
        }
        return TaskDataset(
            name: name, seed: seed, prompts: prompts, jsonLines: PromptWriter.jsonLines(prompts, tokenizer: tokenizer))
    }

    private func source(_ file: URL, _ tokenizer: BPETokenizer) throws -> any ChoiceSource {
        switch self {
        case .agreement: try AgreementSource(contentsOf: file, tokenizer: tokenizer)
        case .greaterThan: try GreaterThanSource(contentsOf: file, tokenizer: tokenizer)
        case .pronouns: try PronounSource(contentsOf: file, tokenizer: tokenizer)
        case .colours: try ColourSource(contentsOf: file, tokenizer: tokenizer)
        }
    }
}

/// Draws the prompts of a task.
protocol ChoiceSource {
    /// - Parameters:
    ///   - generator: of everything in the prompt.
    ///   - counterfactuals: of what only its counterfactual needs.
    func draw(
        _ split: PromptGenerator.Split,
        using generator: inout SeededGenerator,
        counterfactuals: inout SeededGenerator
    ) -> ChoiceDraw
}

/// The parts of a prompt.
struct ChoiceDraw {
    let sentence: ChoiceSentence
    /// By slot.
    let words: [String: String]
    /// The words that are others in the counterfactual, by slot; nil if there is none of as many tokens.
    let counterfactual: [String: String]?
    /// By the name of a position, the slot whose last token it is.
    let positions: [String: String]
    let group: String
    let right, wrong: [Int]
}
