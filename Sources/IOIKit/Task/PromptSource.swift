import Foundation

/// Where prompts come from: a file or a generator. Recorded with every result, so that the same prompts can be used
/// again.
public struct PromptSource: Equatable, Sendable {
    /// Where the answers of a file's prompts come from.
    public enum Answers: String, CaseIterable, Codable, Sendable {
        /// The file.
        case given
        /// IOI sentences: IO and S are found in each, whatever answers the file has.
        case sentence
    }

    /// A prompts file, whose form its contents tell, or `-` for standard input. The other properties then only
    /// fill in what its prompts lack.
    public var file: String?
    /// Where the answers of ``file`` come from.
    public var answers = Answers.given
    /// Whether prompts of ``file`` are left out whose counterfactual has another number of tokens.
    public var dropUnequal = false
    /// What happens to prompts of ``file`` whose answers or positions are in doubt. Results of earlier versions took them.
    public var irregular = IrregularPrompts.warn
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
        for (field, isSet) in [
            ("answers", answers != .given), ("drop_unequal", dropUnequal), ("irregular", irregular != .warn),
        ]
        where isSet {
            throw IOIError.invalid(field, "does not go with generated prompts, expected prompts from a file")
        }
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
        if let file { return try data(PromptFile(file), tokenizer, config) }
        guard let task else {
            var dataset = TaskDataset(try prompts(tokenizer: tokenizer, config: config))
            if published != nil {
                dataset.idle = idle(on: "the dataset \(self.dataset)", hasTokens: false, isDrawing: true)
            }
            return dataset
        }
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
            let file = try PromptFile(file)
            guard let ioi = try data(file, tokenizer, config).ioi else { throw file.noIOI }
            return ioi
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

    private func data(_ file: PromptFile, _ tokenizer: BPETokenizer?, _ config: GPT2Config) throws -> TaskDataset {
        var dataset: TaskDataset
        let count: Int
        switch file.records {
        case .ioi(let records):
            guard answers == .given else {
                throw IOIError.invalid("answers", "does not go with \(file.path), whose prompts say who is io and s")
            }
            dataset = TaskDataset(try reader(tokenizer, config).dataset(records, of: file, dropUnequal: dropUnequal))
            dataset.idle = idle(
                on: file.path, hasTokens: records.allSatisfy { $0.tokens != nil },
                isDrawing: records.contains { $0.abcTokens == nil && $0.abcText == nil }
            )
            count = records.count
        case .pairs(let records) where answers == .sentence:
            let sentences = SentenceReader(try reader(tokenizer, config))
            dataset = TaskDataset(try sentences.dataset(records, of: file, dropUnequal: dropUnequal))
            dataset.idle = idle(
                on: file.path, hasTokens: false,
                isDrawing: records.contains { $0.counterfactual == nil && $0.counterfactualTokens == nil }
            )
            count = records.count
        case .pairs(let records):
            for (field, isSet) in [("names", names != nil), ("abc", counterfactual != .distinct)] where isSet {
                throw IOIError.invalid(field, "does not go with \(file.path), whose prompts name nobody")
            }
            let reader = PairReader(
                tokenizer: tokenizer, config: config, beginningOfText: beginningOfText, irregular: irregular)
            dataset = try reader.dataset(records, of: file, dropUnequal: dropUnequal)
            for field in ["names", "abc"] {
                dataset.idle[field] = "does not go with \(file.path), whose prompts name nobody"
            }
            count = records.count
        }
        if dropUnequal { dataset.dropped = count - dataset.count }
        return dataset
    }

    /// The options that change nothing about prompts that are already made, and why.
    ///
    /// - Parameters:
    ///   - prompts: what the prompts are, for people.
    ///   - hasTokens: whether all have their tokens.
    ///   - isDrawing: whether counterfactuals are drawn.
    private func idle(on prompts: String, hasTokens: Bool, isDrawing: Bool) -> [String: String] {
        var idle: [String: String] = [:]
        if hasTokens { idle["bos"] = "has no effect on \(prompts), whose prompts all have their tokens" }
        let own = "has no effect on \(prompts), whose prompts all have their counterfactuals"
        if !isDrawing { (idle["abc"], idle["names"]) = (own, own) }
        if isDrawing, !counterfactual.drawsNames {
            idle["names"] =
                "has no effect on \(prompts), because the counterfactual \(counterfactual.rawValue) draws no names"
        }
        return idle
    }

    /// The prompts of a file of sentences, to which names, counterfactual and `<|endoftext|>` apply.
    ///
    /// - Parameters:
    ///   - file: the sentences, one a line.
    ///   - tokenizer: the tokenizer of the prompts.
    ///   - config: the shape of the model.
    /// - Throws: `IOIError` naming the file and the lines of which no prompt can be made.
    public func data(ofSentencesIn file: URL, tokenizer: BPETokenizer, config: GPT2Config) throws -> TaskDataset {
        var dataset = TaskDataset(try SentenceReader(reader(tokenizer, config)).dataset(contentsOf: file))
        dataset.idle = idle(on: file.path, hasTokens: false, isDrawing: true)
        return dataset
    }

    private func reader(_ tokenizer: BPETokenizer?, _ config: GPT2Config) throws -> PromptReader {
        PromptReader(
            tokenizer: tokenizer, names: try tokenizer.map { _ in try nameList() }, counterfactual: counterfactual,
            beginningOfText: beginningOfText, vocabularySize: config.vocabularySize,
            contextLength: config.contextLength, irregular: irregular
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

extension PromptSource {
    /// The name of the file, or of the dataset.
    var name: String {
        guard let file else { return dataset }
        return file == PromptFile.standardInput
            ? "stdin" : URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
    }

    /// - Parameter record: the file that records the prompts, and the way to them in it.
    /// - Throws: `IOIError` if they came from standard input.
    func checkRepeatable(_ record: String) throws {
        guard file == PromptFile.standardInput else { return }
        throw IOIError(
            "\(record).file: found -, standard input, which cannot be read again; expected prompts from a file")
    }
}

extension PromptSource: FieldCoded {
    init() { self.init(count: 0) }

    static var fields: [Field<PromptSource>] {
        [
            .optional("file", \.file), .unless(.given, "answers", \.answers),
            .unless(false, "drop_unequal", \.dropUnequal), .unless(.warn, "irregular", \.irregular),
            .value("dataset", \.dataset), .value("count", \.count), .value("seed", \.seed),
            .value("held_out", \.heldOut), .value("abc", \.counterfactual), .value("bos", \.beginningOfText),
            .optional("templates", \.templates), .optional("names", \.names),
        ]
    }
}
