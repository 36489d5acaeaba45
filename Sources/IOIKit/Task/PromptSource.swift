import Foundation

/// How prompts are come by: read from a file or made. It is recorded with every result, so that the same prompts can be
/// had again.
public struct PromptSource: Codable, Equatable, Sendable {
    /// A prompts file; what follows then only fills in what its lines lack.
    public var file: String?
    /// The name of a ``DatasetRule`` or a ``ChoiceTask``.
    public var dataset = "clean"
    public var count: Int
    public var seed: UInt64 = 0
    /// Whether only pairs of names are used that training never sees, or only the others.
    public var heldOut = false
    /// Each prompt's partner.
    public var counterfactual = Counterfactual.distinct
    /// Whether prompts begin with the end-of-text token.
    public var beginningOfText = false
    /// A file of sentences, places and objects, or of a ``ChoiceTask``'s nouns and sentences, in place of the program's
    /// own.
    public var templates: String?
    /// A file of names in place of the program's own.
    public var names: String?

    enum CodingKeys: String, CodingKey {
        case file, dataset, count, seed
        case heldOut = "held_out"
        case counterfactual = "abc"
        case beginningOfText = "bos"
        case templates, names
    }

    public init(count: Int) { self.count = count }

    /// The most prompts that are made.
    public static let most = 10_000_000

    /// - Throws: ``IOIError`` of an option out of its bounds.
    public func validate() throws { try IOIError.check("prompts.count", count, in: 1...Self.most) }

    /// The names that ``dataset`` can have for ``data(for:)``.
    public static let datasets = DatasetRule.all.map(\.name) + ChoiceTask.allCases.map(\.rawValue)

    /// Which task the prompts are made for, where it is not indirect-object identification.
    public var task: ChoiceTask? { file == nil ? ChoiceTask(rawValue: dataset) : nil }

    /// The prompts of either kind, as `model` takes them.
    ///
    /// - Throws: ``IOIError`` where the prompts cannot be read or made, or do not fit the model.
    public func data(for model: GPT2) throws -> TaskDataset {
        try data(tokenizer: file == nil ? model.requireTokenizer() : model.tokenizer, config: model.config)
    }

    /// The prompts of either kind, as a tokenizer and model of this config take them.
    ///
    /// - Parameter tokenizer: not needed for a file that has all token ids.
    /// - Throws: ``IOIError`` where the prompts cannot be read or made, or do not fit the model.
    public func data(tokenizer: BPETokenizer?, config: GPT2Config) throws -> TaskDataset {
        if let file, let dataset = try ChoiceDataset(contentsOf: URL(fileURLWithPath: file), config: config) {
            return .choice(dataset)
        }
        guard let task else { return .ioi(try prompts(tokenizer: tokenizer, config: config)) }
        guard let tokenizer else { throw Self.noTokenizer }
        return .choice(
            try task.dataset(
                count: count, seed: seed, split: split, tokenizer: tokenizer,
                file: templates.map { URL(fileURLWithPath: $0) }, beginningOfText: beginningOfText,
                contextLength: config.contextLength
            )
        )
    }

    /// The prompts of indirect-object identification, as `model` takes them.
    ///
    /// - Throws: ``IOIError`` where the prompts cannot be read or made, or do not fit the model.
    public func prompts(for model: GPT2) throws -> Dataset {
        try prompts(tokenizer: file == nil ? model.requireTokenizer() : model.tokenizer, config: model.config)
    }

    /// The prompts of indirect-object identification, as a tokenizer and model of this config take them.
    ///
    /// - Parameter tokenizer: not needed for a file that has all token ids.
    /// - Throws: ``IOIError`` where the prompts cannot be read or made, or do not fit the model.
    public func prompts(tokenizer: BPETokenizer?, config: GPT2Config) throws -> Dataset {
        if let file {
            let reader = PromptReader(
                tokenizer: tokenizer, names: try tokenizer.map { _ in try nameList() },
                counterfactual: counterfactual, beginningOfText: beginningOfText,
                vocabularySize: config.vocabularySize, contextLength: config.contextLength
            )
            return try reader.dataset(contentsOf: URL(fileURLWithPath: file))
        }
        guard let tokenizer else { throw Self.noTokenizer }
        let generator = try PromptGenerator(
            templates: templates.map { try TemplateSet(contentsOf: URL(fileURLWithPath: $0)) } ?? .standard(),
            names: nameList(), tokenizer: tokenizer, beginningOfText: beginningOfText,
            counterfactual: counterfactual, contextLength: config.contextLength
        )
        return try generator.dataset(DatasetRule.named(dataset), count: count, seed: seed, split: split)
    }

    private var split: PromptGenerator.Split { heldOut ? .heldOut : .training }

    private static var noTokenizer: IOIError {
        IOIError("prompts cannot be made without a tokenizer (vocab.json and merges.txt)")
    }

    /// The prompts whose counterfactuals means are taken over where that is more than those measured: so many of the
    /// same source, the measured ones first; nil for no count.
    ///
    /// - Throws: ``IOIError`` where the prompts cannot be made.
    func reference(count: Int?, for model: GPT2) throws -> [Prompt]? {
        guard let count else { return nil }
        var source = self
        source.count = count
        return try source.prompts(for: model).prompts
    }

    private func nameList() throws -> NameList {
        try names.map { try NameList(contentsOf: URL(fileURLWithPath: $0)) } ?? .standard()
    }
}
