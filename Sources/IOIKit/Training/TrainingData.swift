import Foundation

/// The examples of a run, and a record of what they are.
public struct TrainingData: Sendable {
    public let examples: [TrainingExample]
    /// Its count is that of the examples.
    public internal(set) var record: DatasetRecord
    /// See ``TaskDataset/irregular``.
    public internal(set) var irregular: [String] = []
    /// See ``TaskDataset/idle``.
    public internal(set) var idle: [String: String] = [:]

    /// Each prompt is an example.
    init(_ dataset: TaskDataset) {
        examples = dataset.prompts.map { TrainingExample(tokens: $0.tokens, answer: $0.answerToken) }
        record = DatasetRecord(dataset)
        (irregular, idle) = (dataset.irregular, dataset.idle)
    }

    /// Examples of texts, in which every token but the first is predicted.
    ///
    /// Blocks run on from one text to the next, with `<|endoftext|>` between them where the tokenizer has it. A line of
    /// fewer than two tokens has nothing to predict and is left out.
    ///
    /// - Parameter source: names the texts in errors.
    /// - Throws: `IOIError` if the model has no tokenizer or there are no examples.
    init(
        _ texts: [String],
        name: String,
        seed: UInt64?,
        from source: String,
        as form: ExampleForm,
        for model: GPT2
    ) throws {
        let tokenizer = try model.requireTokenizer()
        switch form {
        case .prompts: preconditionFailure("a text has no prompts")
        case .blocks(let length):
            let between = tokenizer.endOfText.map { [$0] } ?? []
            let tokens = Array(texts.map { tokenizer.encode($0) }.joined(separator: between))
            examples = (0..<tokens.count / length).map {
                TrainingExample(predicting: tokens[$0 * length..<($0 + 1) * length])
            }
            guard !examples.isEmpty else {
                throw IOIError("\(source): found \(tokens.count) tokens, expected at least the \(length) of a block")
            }
        case .lines(let length):
            let lines = texts.flatMap { $0.split(whereSeparator: \.isNewline) }
            examples = lines.map { tokenizer.encode(String($0)).prefix(length) }.filter { $0.count > 1 }
                .map { TrainingExample(predicting: $0) }
            guard !examples.isEmpty else { throw IOIError("\(source): found no line of two tokens or more") }
        }
        let text = Data(texts.joined(separator: "\0").utf8)
        record = DatasetRecord(name: name, count: examples.count, seed: seed, sha256: Digest.sha256(of: text))
    }
}

extension TrainingExample {
    /// An example of a text, in which every token but the first is predicted.
    init(predicting tokens: ArraySlice<Int>) {
        self.init(tokens: Array(tokens.dropLast()), answer: tokens[tokens.endIndex - 1])
    }
}
