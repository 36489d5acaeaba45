import Foundation

/// Where prompts come from: a file or a generator. Recorded with every result, so that the same prompts can be used
/// again.
public struct PromptSource: Codable, Equatable, Sendable {
    /// A prompts file. The other properties then only fill in what its lines lack.
    public var file: String?
    /// The name of a ``DatasetRule``, a ``PublishedDataset`` or one of ``ChoiceTask/datasets``.
    public var dataset = "clean"
    /// The number of prompts; at most this many of a ``PublishedDataset``.
    public var count: Int
    public var seed: UInt64 = 0
    /// Whether to use the pairs of names (nouns, years) held out from training, or the others.
    public var heldOut = false
    public var counterfactual = Counterfactual.distinct
    /// Whether prompts begin with `<|endoftext|>`.
    public var beginningOfText = false
    /// A file of sentences, places and objects, or of a ``ChoiceTask``'s words and sentences; nil for the standard one.
    public var templates: String?
    /// A file of names; nil for the standard one.
    public var names: String?

    enum CodingKeys: String, CodingKey {
        case file, dataset, count, seed
        case heldOut = "held_out"
        case counterfactual = "abc"
        case beginningOfText = "bos"
        case templates, names
    }

    public init(count: Int) { self.count = count }

    /// The names that ``dataset`` may have.
    public static let datasets = ioiDatasets + ChoiceTask.datasets

    /// Those of IOI prompts.
    public static let ioiDatasets = DatasetRule.all.map(\.name) + PublishedDataset.allCases.map(\.rawValue)

    /// The largest ``count``.
    public static let most = 10_000_000

    /// - Throws: `IOIError` of the first field that is out of range, unknown or without effect.
    public func validate() throws {
        try IOIError.check("count", count, in: 1...Self.most)
        guard file == nil else { return }
        guard Self.datasets.contains(dataset) else {
            let names = Self.datasets.joined(separator: ", ")
            throw IOIError.invalid("dataset", "found \(dataset.quoted), expected one of \(names)")
        }
        if task != nil, names != nil {
            throw IOIError.invalid("names", "does not go with the dataset \(dataset), whose prompts name nobody")
        }
        if published != nil {
            let problem = "does not go with the dataset \(dataset)"
            if heldOut { throw IOIError.invalid("held_out", "\(problem), no part of which is held out from training") }
            if templates != nil { throw IOIError.invalid("templates", "\(problem), whose sentences are already made") }
        }
    }

    /// The task of generated prompts if it is not IOI.
    public var task: ChoiceTask? { file == nil ? ChoiceTask(dataset: dataset) : nil }

    /// The published dataset that the prompts are of, if any.
    public var published: PublishedDataset? { file == nil ? PublishedDataset(rawValue: dataset) : nil }

    /// The prompts of any task, tokenized for `model`.
    ///
    /// - Throws: `IOIError` if the prompts cannot be read or generated, or do not fit the model.
    public func data(for model: GPT2) throws -> TaskDataset {
        try data(tokenizer: file == nil ? model.requireTokenizer() : model.tokenizer, config: model.config)
    }

    /// The prompts of any task.
    ///
    /// - Parameters:
    ///   - tokenizer: not needed for a file with all token ids.
    ///   - config: the shape of the model.
    /// - Throws: `IOIError` if the prompts cannot be read or generated, or do not fit the model.
    public func data(tokenizer: BPETokenizer?, config: GPT2Config) throws -> TaskDataset {
        if let file, let dataset = try TaskDataset(contentsOf: URL(fileURLWithPath: file), config: config) {
            return dataset
        }
        guard let task else { return TaskDataset(try prompts(tokenizer: tokenizer, config: config)) }
        guard let tokenizer else { throw Self.noTokenizer }
        return try task.dataset(
            count: count, seed: seed, split: split, isReversed: dataset != task.rawValue, tokenizer: tokenizer,
            file: templates.map { URL(fileURLWithPath: $0) }, beginningOfText: beginningOfText,
            contextLength: config.contextLength
        )
    }

    /// IOI prompts, tokenized for `model`.
    ///
    /// - Throws: `IOIError` if the prompts cannot be read or generated, do not fit the model or are of another task.
    public func prompts(for model: GPT2) throws -> IOIDataset {
        try prompts(tokenizer: file == nil ? model.requireTokenizer() : model.tokenizer, config: model.config)
    }

    /// IOI prompts.
    ///
    /// - Parameters:
    ///   - tokenizer: not needed for a file with all token ids.
    ///   - config: the shape of the model.
    /// - Throws: `IOIError` if the prompts cannot be read or generated, do not fit the model or are of another task.
    public func prompts(tokenizer: BPETokenizer?, config: GPT2Config) throws -> IOIDataset {
        if let file {
            return try reader(tokenizer, config).dataset(contentsOf: URL(fileURLWithPath: file))
        }
        if let published {
            try validate()
            return try published.dataset(
                from: published.url(), count: count, seed: seed, reader: SentenceReader(reader(tokenizer, config))
            )
        }
        guard let tokenizer else { throw Self.noTokenizer }
        let generator = try PromptGenerator(
            templates: templates.map { try TemplateSet(contentsOf: URL(fileURLWithPath: $0)) } ?? .standard(),
            names: nameList(), tokenizer: tokenizer, beginningOfText: beginningOfText,
            counterfactual: counterfactual, contextLength: config.contextLength
        )
        return try generator.dataset(DatasetRule.named(dataset), count: count, seed: seed, split: split)
    }

    /// The prompts of a file of sentences, to which names, counterfactual and `<|endoftext|>` apply.
    ///
    /// - Parameters:
    ///   - file: the sentences, one a line.
    ///   - tokenizer: the tokenizer of the prompts.
    ///   - config: the shape of the model.
    /// - Throws: `IOIError` naming the file and the lines of which no prompt can be made.
    public func prompts(ofSentencesIn file: URL, tokenizer: BPETokenizer, config: GPT2Config) throws -> IOIDataset {
        try SentenceReader(reader(tokenizer, config)).dataset(contentsOf: file)
    }

    private func reader(_ tokenizer: BPETokenizer?, _ config: GPT2Config) throws -> PromptReader {
        PromptReader(
            tokenizer: tokenizer, names: try tokenizer.map { _ in try nameList() }, counterfactual: counterfactual,
            beginningOfText: beginningOfText, vocabularySize: config.vocabularySize,
            contextLength: config.contextLength
        )
    }

    private var split: PromptGenerator.Split { heldOut ? .heldOut : .training }

    static var noTokenizer: IOIError {
        IOIError("prompts cannot be made without a tokenizer (vocab.json and merges.txt)")
    }

    /// The prompts whose counterfactuals ablation means are taken over, if more than the measured ones: `count` prompts
    /// of the same source, which include the measured ones; nil if `count` is nil.
    ///
    /// - Throws: `IOIError` if the prompts cannot be read or generated.
    func reference(count: Int?, for model: GPT2) throws -> [Prompt]? {
        guard let count else { return nil }
        var source = self
        source.count = count
        return try source.data(for: model).prompts
    }

    private func nameList() throws -> NameList {
        try names.map { try NameList(contentsOf: URL(fileURLWithPath: $0)) } ?? .standard()
    }
}
