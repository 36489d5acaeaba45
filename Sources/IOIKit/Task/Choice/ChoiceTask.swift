import Foundation

/// A task other than IOI: after a prompt some next tokens are right and some wrong.
public enum ChoiceTask: String, CaseIterable, Sendable {
    /// Subject–verb agreement: the verb has the number of the subject, not of the noun between them.
    case agreement
    /// A span of years ends after it begins (Hanna et al. 2305.00586).
    case greaterThan = "greater-than"

    /// The first `count` prompts of the task. Each depends only on the seed and its index.
    ///
    /// - Parameters:
    ///   - split: the splits share no noun (agreement), or no pair of noun and year (Greater-Than).
    ///   - file: nouns and sentences; nil for `Data/tasks/NAME.json`.
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
        tokenizer: BPETokenizer,
        file: URL? = nil,
        beginningOfText: Bool = false,
        contextLength: Int? = nil
    ) throws -> TaskDataset {
        try IOIError.check("count", count, in: 1...PromptSource.most)
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
            return Prompt(
                id: index, dataset: rawValue, template: draw.sentence.name, group: draw.group, text: text,
                tokens: tokens, counterfactualTokens: nil, rightTokens: draw.right, wrongTokens: draw.wrong,
                answer: tokenizer.decode([answer]), answerToken: answer, words: draw.words
            )
        }
        return TaskDataset(
            name: rawValue, seed: seed, prompts: prompts,
            jsonLines: PromptWriter.jsonLines(prompts, tokenizer: tokenizer))
    }
}

/// Draws the prompts of a task.
protocol ChoiceSource {
    func draw(_ split: PromptGenerator.Split, using generator: inout SeededGenerator) -> ChoiceDraw
}

/// The parts of a prompt.
struct ChoiceDraw {
    let sentence: ChoiceSentence
    /// By slot.
    let words: [String: String]
    let group: String
    let right, wrong: [Int]
}

/// A sentence of a ``ChoiceTask`` up to the answer, with slots such as `[NOUN]`.
struct ChoiceSentence: Decodable {
    let name: String
    let text: String

    /// - Parameters:
    ///   - slots: the expected slots, in order.
    ///   - source: the file, for error messages.
    /// - Throws: `IOIError` if the slots differ, or a slot or the answer would not be separate tokens.
    func check(slots: [String], source: String) throws {
        let fault = "\(source): sentence \(name.quoted): "
        let found = text.matches(of: /\[[A-Z]+\]/).map { String($0.output) }
        let expected = slots.map { "[\($0)]" }
        guard found == expected else {
            let slots = found.isEmpty ? "none" : found.joined(separator: " ")
            throw IOIError(fault + "found slots \(slots), expected \(expected.joined(separator: " "))")
        }
        for slot in expected {
            let parts = text.split(separator: slot, omittingEmptySubsequences: false)
            let next = parts[1].first
            guard parts[0].last == " ", next.map({ !$0.isLetter && !$0.isNumber }) ?? true else {
                throw IOIError(
                    fault + "found \(text.quoted), expected a space before \(slot) and no letter or digit after it")
            }
        }
        guard text.last?.isWhitespace == false else {
            throw IOIError(fault + "found whitespace at the end, expected it to end before the space of the answer")
        }
    }

    func filled(with words: [String: String]) -> String {
        words.reduce(text) { $0.replacing("[\($1.key)]", with: $1.value) }
    }

    /// - Throws: `IOIError` if there is none, a name repeats or one is invalid.
    static func check(_ sentences: [ChoiceSentence], slots: [String], source: String) throws {
        guard !sentences.isEmpty else { throw IOIError("\(source): sentences: found none, expected at least one") }
        if let twice = sentences.map(\.name).firstRepeated() {
            throw IOIError("\(source): sentences: found \(twice.quoted) twice, expected each name once")
        }
        for sentence in sentences { try sentence.check(slots: slots, source: source) }
    }
}

/// The texts held out from training. The choice depends on the texts alone, not on a seed or their order, so that it is
/// the same in all datasets made of these texts.
enum HeldOutTexts {
    /// - Parameters:
    ///   - stream: the kind of text, which names the random stream.
    ///   - share: one text in `share` is held out.
    ///   - least: the smallest number of texts held out.
    static func choose(_ texts: [String], _ stream: String, oneOf share: Int, least: Int = 1) -> Set<String> {
        let ranked = texts.map { text in
            var hash = SeededGenerator(0, "\(stream): \(text)")
            return (rank: hash.next(), text: text)
        }
        let ordered = ranked.sorted { ($0.rank, $0.text) < ($1.rank, $1.text) }
        return Set(ordered.prefix(max(least, texts.count / share)).map(\.text))
    }
}
