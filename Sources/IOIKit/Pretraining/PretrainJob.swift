import Foundation

/// Pretrains a model by a recipe, into a model folder.
///
/// During training everything lies in a run folder next to the model folder, from which an interrupted run resumes.
public final class PretrainJob {
    public let folder: URL
    public let recipe: PretrainRecipe
    public let trainer: Trainer
    private let record: Record
    private let run: RunFolder
    private let lock: FileLock

    /// `config.json` of the run folder.
    private struct Record: Codable, Equatable {
        var schema = "ioi/1"
        var command = "model pretrain"
        let recipe: PretrainRecipe
        let seed: UInt64
        let threads: Int
        /// SHA-256 of the documents' token ids.
        let corpus: String
        let version: String
    }

    /// Starts a run, or resumes an interrupted one with the same recipe, seed and number of threads.
    ///
    /// - Parameters:
    ///   - folder: the model folder to create.
    ///   - recipe: how the model is trained.
    ///   - seed: the seed of everything drawn at random.
    ///   - workers: the threads that compute.
    /// - Throws: `IOIError` if the folder exists, or the run folder belongs to another run.
    public init(_ recipe: PretrainRecipe, seed: UInt64, to folder: URL, workers: Workers) throws {
        self.folder = folder
        self.recipe = recipe
        run = RunFolder(folder.deletingLastPathComponent().appendingPathComponent(folder.lastPathComponent + ".run"))
        _ = try OutputFolder.new(folder.path)
        try OutputFolder.make(run.url)
        lock = try run.lock()
        // The process that held the lock before may have made the model.
        _ = try OutputFolder.new(folder.path)
        let (templates, names) = (try TemplateSet.standard(), try NameList.standard())
        let tokenizer = try Corpus.tokenizer(templates, names)
        let corpus = try Corpus(recipe.corpus, seed: seed, templates: templates, names: names, tokenizer: tokenizer)
        let documents = (0..<recipe.steps * recipe.batch).map { corpus.document($0) }
        record = Record(
            recipe: recipe, seed: seed, threads: workers.count, corpus: Self.digest(documents), version: ioiVersion
        )
        if run.holdsRun {
            guard try InputFile.decode(Record.self, from: run.configFile) == record else {
                throw IOIError(
                    "\(run.url.path): holds an interrupted run of another recipe, seed or number of threads; "
                        + "remove it or give another folder"
                )
            }
        } else {
            try run.begin(record)
        }
        let start = run.url.appendingPathComponent("start")
        if !FileManager.default.fileExists(atPath: start.path) {
            let config = try recipe.config(vocabulary: tokenizer.vocabularySize)
            try GPT2Parameters.checkMemory(for: config)
            let parameters = GPT2Parameters(
                random: config, seed: seed, deviation: recipe.deviation,
                positionDeviation: recipe.positionDeviation, workers: workers
            )
            try GPT2.write(parameters, tokenizer: tokenizer, note: recipe.note, to: start)
        }
        trainer = try Trainer(
            run: run, lock: lock, settings: recipe.settings(seed: seed, threads: workers.count),
            base: GPT2(ModelLocation(folder: start), workers: workers), examples: documents
        )
    }

    /// Trains to the end, writes the model folder and removes the run folder.
    ///
    /// - Parameters:
    ///   - shouldStop: called after each step; on true the run saves a checkpoint and stops.
    ///   - observe: called after each step.
    public func train(
        shouldStop: () -> Bool = { false },
        observe: (StepMetrics) throws -> Void = { _ in }
    ) throws -> Trainer.Outcome {
        let outcome = try trainer.train(shouldStop: shouldStop) { event in
            if case .step(let metrics) = event { try observe(metrics) }
        }
        guard outcome == .finished, let trained = trainer.newest else { return outcome }
        try AtomicFolder.create(at: folder) { folder in
            try GPT2.write(trainer.parameters, like: ModelLocation(folder: trained.folder), to: folder)
        }
        try? FileManager.default.removeItem(at: run.url)
        return outcome
    }

    private static func digest(_ documents: [TrainingExample]) -> String {
        Digest.sha256(
            of: documents.reduce(into: Data()) { data, document in
                for token in document.tokens + [document.answer] {
                    withUnsafeBytes(of: Int32(token).littleEndian) { data.append(contentsOf: $0) }
                }
            }
        )
    }
}
