import Foundation

/// The pieces of work of a plan, in order: training runs, and measurements of their models.
struct PlanWork {
    struct Piece {
        enum Kind {
            case training(StageTraining)
            /// A measurement of a model, and its results file in the plan's folder.
            case measurement(Plan.Measure, PlanModel, file: String)
        }

        /// The stage's name.
        let stage: String
        let title: String
        let kind: Kind
    }

    let plan: Plan
    let folder: URL
    let stages: [Plan.Stage]
    let measuring: PlanMeasuring
    /// All models of the stages.
    private(set) var models: [PlanModel: PlanSource]
    private(set) var pieces: [Piece] = []
    /// The training runs by their names in the plan, relative to the folder.
    private(set) var runs: [String: String] = [:]

    /// Checks the plan against the model. Nothing is written.
    ///
    /// - Parameter names: the stages to run, as for ``Plan/stages(named:)``.
    /// - Throws: `IOIError` if a stage is unknown, a claim names a head that the model does not have, or the prompts
    ///   cannot be made.
    init(_ plan: Plan, in folder: URL, model: GPT2, stages names: [String]?, settings: RunSettings) throws {
        self.plan = plan
        self.folder = folder
        stages = try plan.stages(named: names)
        try plan.validate(for: model.config)
        measuring = try PlanMeasuring(plan, stages: stages, base: model, settings: settings)
        for stage in stages {
            for measure in stage.measure { try measuring.checkCircuit(of: measure, stage: stage.name) }
        }
        let stages = stages
        let prompts = measuring.prompts
        try plan.checkEntries(measuring.circuit, layers: model.config.layers) { model, measure in
            stages.contains { $0.models.contains(model) } ? prompts.dataset(for: measure).prompts : nil
        }
        models = [
            .base: PlanSource(hash: measuring.baseHash, sha256: model.sha256, locate: { model.location })
        ]
        for stage in stages {
            if stage.dataset == nil { try add(stage.measure, of: .base, stage) }
            for run in plan.runs(of: stage) {
                try add(run, of: stage, workers: settings.workers)
                for epoch in run.epochs {
                    try add(stage.measure, of: PlanModel(stage: stage.name, epoch: epoch), stage)
                }
            }
        }
    }

    /// The work of the other stages of the plan that earlier calls finished in the folder with the same settings.
    func earlier(_ settings: RunSettings) -> [PlanWork] {
        let files = ["runs", "results"].flatMap { name in
            (try? FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent(name).path)) ?? []
        }
        return plan.stages.filter { stage in
            // To find out costs the making of its prompts.
            let name = "\(stage.dataset == nil ? PlanModel.base.description : stage.name)".replacing(/[ :]/, with: "-")
            return !stages.contains(stage) && files.contains { $0.hasPrefix(name) }
        }.compactMap { stage in
            // What the model or its tokenizer does not allow was not done.
            try? PlanWork(plan, in: folder, model: measuring.base, stages: [stage.name], settings: settings)
        }.filter { work in !work.pieces.isEmpty && work.pieces.allSatisfy(work.isDone) }
    }

    /// What is measured of a stage's models.
    func measurements(of stage: Plan.Stage) -> [ReproductionRecord.Measurement] {
        pieces.compactMap { piece in
            guard piece.stage == stage.name, case .measurement(let measure, let model, let file) = piece.kind else {
                return nil
            }
            return .init(model: model, measure: measure, file: file)
        }
    }

    private mutating func add(_ run: Plan.Run, of stage: Plan.Stage, workers: Workers) throws {
        let training = try StageTraining(
            run, of: stage, in: plan, from: models[stage.from ?? .base]!,
            folder: folder.appendingPathComponent("runs"), workers: workers
        )
        runs[run.name] = "runs/\(training.run.url.lastPathComponent)"
        pieces.append(Piece(stage: stage.name, title: "train \(run.name)", kind: .training(training)))
        for (epoch, source) in training.models { models[PlanModel(stage: stage.name, epoch: epoch)] = source }
    }

    private mutating func add(_ measures: [Plan.Measure], of model: PlanModel, _ stage: Plan.Stage) throws {
        for measure in measures {
            let name = try measuring.fileName(of: measure, model, hash: models[model]!.hash)
            pieces.append(
                Piece(
                    stage: stage.name, title: "\(measure) of \(model)",
                    kind: .measurement(measure, model, file: "results/\(name)")
                )
            )
        }
    }

    func isDone(_ piece: Piece) -> Bool {
        switch piece.kind {
        case .training(let training): training.isDone
        case .measurement(_, _, let file):
            FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path)
        }
    }

    /// Checks the runs to come, and makes the prompts of each once, so that a missing file is known before hours of
    /// training.
    ///
    /// - Throws: `IOIError` that names the stage.
    func checkTraining() throws {
        var sound: [PromptSource] = []
        for piece in pieces {
            guard case .training(let training) = piece.kind, !training.isDone else { continue }
            let (prompts, settings) = (training.prompts, training.settings)
            do {
                try settings.validate()
                try settings.precision.check()
                guard !sound.contains(prompts) else { continue }
                let source = TrainingSource.prompts(prompts)
                try source.validate(as: settings.examples)
                _ = try source.data(for: measuring.base, as: settings.examples)
                sound.append(prompts)
            } catch let error as IOIError {
                throw IOIError("stage \(piece.stage.quoted): \(error)", kind: error.kind)
            }
        }
    }
}

/// The keys of cached results.
enum CacheKey {
    /// Twelve digits of SHA-256 are enough for the results in a folder.
    static func of(_ parts: [String]) -> String {
        String(Digest.sha256(of: Data(parts.joined(separator: "\n").utf8)).prefix(12))
    }

    static func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder.readable.encode(value), as: UTF8.self)
    }
}
