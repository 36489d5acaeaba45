import Foundation

/// `ioi verify`: whether recorded results come out again.
public struct VerifyJob: Sendable {
    private struct Entry: Sendable {
        let recorded: RecordedResults
        let model: ModelLocation
        let donor: ModelLocation?
        /// Whether the user put another model in the place of the recorded one.
        let isModelReplaced, isDonorReplaced: Bool
    }

    /// What is about to be measured.
    public struct Step: Sendable {
        /// From 0.
        public let index: Int
        public let file: String
        public let command: String
        public let model: ModelLocation
        public let donor: ModelLocation?
    }

    public let tolerance: FigureComparison.Tolerance
    private let entries: [Entry]

    /// Reads all files, so that whatever is wrong with one of them is known before anything is measured.
    ///
    /// - Parameters:
    ///   - models: take the place of the models that were measured.
    ///   - donors: take the place of their donors.
    /// - Throws: `IOIError` naming the file and the field for one that cannot be run again, and of kind `usage` for a
    ///   model that takes no other's place.
    public init(
        _ files: [String],
        tolerance: FigureComparison.Tolerance,
        models: [ModelReplacement] = [],
        donors: [ModelReplacement] = []
    ) throws {
        self.tolerance = tolerance
        let all = try files.map { path in
            let recorded = try RecordedResults(path, commands: Self.commands)
            try Self.checkOptions(of: recorded)
            return recorded
        }
        try Self.check(models, flag: "--model", names: all.map(\.model.name))
        try Self.check(donors, flag: "--donor", names: all.compactMap(\.donor?.name))
        entries = try all.map { recorded in
            let model = Self.replacement(of: recorded.model, by: models)
            let donor = recorded.donor.flatMap { Self.replacement(of: $0, by: donors) }
            return Entry(
                recorded: recorded, model: try model ?? recorded.model.location("model", in: recorded),
                donor: try donor ?? recorded.donor?.location("donor", in: recorded),
                isModelReplaced: model != nil, isDonorReplaced: donor != nil
            )
        }
    }

    private static func check(_ replacements: [ModelReplacement], flag: String, names: [String]) throws {
        guard replacements.count(where: { $0.name == nil }) <= 1 else {
            throw IOIError.usage("\(flag): found several models for the same files, expected one, or NAME=DIR of each")
        }
        for name in replacements.map(\.name) where !names.contains(name ?? names.first ?? "") || names.isEmpty {
            let role = flag == "--donor" ? "donor" : "model"
            guard let name else { throw IOIError.usage("\(flag): no file was measured with a \(role)") }
            let known = Set(names).sorted().map(\.quoted).joined(separator: ", ")
            throw IOIError.usage(
                "\(flag): found the \(role) \(name.quoted), which no file was measured with; expected one of \(known)"
            )
        }
    }

    private static func replacement(of record: ModelRecord, by replacements: [ModelReplacement]) -> ModelLocation? {
        (replacements.first { $0.name == record.name } ?? replacements.first { $0.name == nil })?.location
    }

    /// Measures what the files record, one after the other.
    ///
    /// - Parameters:
    ///   - begin: told what is about to be measured.
    ///   - progress: told what share of that is done.
    /// - Throws: `IOIError` naming the file where something cannot be measured; `PatchInterruption` and
    ///   `ACDC.Interruption` where `settings` say so.
    public func run(
        settings: RunSettings,
        begin: (Step) -> Void = { _ in },
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> VerifyResults {
        VerifyResults(
            try entries.enumerated().map { index, entry in
                let recorded = entry.recorded
                begin(
                    Step(
                        index: index, file: recorded.path, command: recorded.command, model: entry.model,
                        donor: entry.donor
                    )
                )
                let results = try run(entry, settings: settings, progress: progress)
                // What cannot be interrupted ends here.
                if settings.isInterrupted() { throw PatchInterruption(measures: PatchMeasures(cells: 0)) }
                return results
            }
        )
    }

    // MARK: What can be run again

    /// What came out, with the hashes of what it was measured on.
    private struct Outcome {
        let results: JSONValue
        let model, donor, dataset: String?
    }

    /// The names in results files. `model check` is none of the experiments: it runs on folders that hold no model.
    private static var commands: [String] { Experiments.all.map { $0.name } + [ModelCheck.command] }

    private static func uncompared(by command: String) -> Set<String> {
        Experiments.named(command)?.uncompared ?? ModelCheck.uncompared
    }

    private static func checkOptions(of recorded: RecordedResults) throws {
        guard let kind = Experiments.named(recorded.command) else {
            _ = try recorded.options(ModelCheckOptions.self)
            return
        }
        _ = try recorded.experiment(kind)
        if kind == ModelDiffExperiment.self, recorded.donor == nil {
            throw IOIError("\(recorded.path): donor: found nothing, expected the other model")
        }
    }

    private static func run<Kind: Experiment>(
        _ kind: Kind.Type,
        _ recorded: RecordedResults,
        _ location: ModelLocation,
        donor: ModelLocation?,
        _ work: Work
    ) throws -> Outcome {
        let experiment = try recorded.experiment(kind)
        let model = try GPT2(location, workers: work.workers)
        let subject = try Subject(
            of: experiment, model, donor: donor.map { try GPT2($0, workers: work.workers) }
        )
        let results = try experiment.run(on: subject, work)
        return Outcome(
            results: try JSONValue(results), model: try model.sha256(), donor: try subject.donor?.sha256(),
            dataset: subject.dataset.map { DatasetRecord($0).sha256 }
        )
    }

    private static func check(_ recorded: RecordedResults, _ location: ModelLocation, _ work: Work) throws -> Outcome {
        let check = ModelCheck(
            name: location.name, folder: location.folder,
            expectations: try recorded.options(ModelCheckOptions.self).expectations
        )
        let results = check.run(workers: work.workers, progress: work.progress)
        return Outcome(
            results: try JSONValue(results), model: results.sha256, donor: nil,
            dataset: results.dataset.map { DatasetRecord($0).sha256 }
        )
    }

    private func run(
        _ entry: Entry,
        settings: RunSettings,
        progress: @escaping (Double) -> Void
    ) throws -> VerifyResults.File {
        let started = ContinuousClock.now
        let recorded = entry.recorded
        let outcome: Outcome
        do {
            // Under the recorded names, which results and the published circuit go by.
            let model = try ModelLocation(name: recorded.model.name, folder: entry.model.folder)
            let donor = try recorded.donor.flatMap { donor in
                try entry.donor.map { try ModelLocation(name: donor.name, folder: $0.folder) }
            }
            var work = Work(settings, perPrompt: recorded.results.holds("per_prompt"))
            work.progress = progress
            outcome =
                if let kind = Experiments.named(recorded.command) {
                    try Self.run(kind, recorded, model, donor: donor, work)
                } else {
                    try Self.check(recorded, model, work)
                }
        } catch let error as IOIError {
            throw IOIError("\(recorded.path): cannot be run again: \(error)")
        }
        var comparison = FigureComparison(tolerance: tolerance, ignoring: Self.uncompared(by: recorded.command))
        var notes: [String] = []
        func compareHash(_ field: String, _ before: String?, _ after: String?, isReplaced: Bool) {
            if isReplaced {
                if before != after { notes.append("\(field): another than recorded, as asked for") }
            } else {
                comparison.compare(equal: before, after, at: "\(field).sha256")
            }
        }
        compareHash("model", recorded.model.sha256, outcome.model, isReplaced: entry.isModelReplaced)
        compareHash("donor", recorded.donor?.sha256, outcome.donor, isReplaced: entry.isDonorReplaced)
        compareHash("dataset", recorded.dataset?.sha256, outcome.dataset, isReplaced: false)
        comparison.compare(recorded.results, outcome.results, at: "results")
        notes += Self.notes(recorded.environment, EnvironmentRecord(workers: settings.workers))
        return VerifyResults.File(
            file: recorded.path, command: recorded.command, groups: comparison.groups, notes: notes,
            seconds: (ContinuousClock.now - started) / .seconds(1)
        )
    }

    /// Compares two results files of one command, and measures nothing.
    ///
    /// - Throws: `IOIError` for a file that holds no results, or those of another command.
    public static func compare(
        _ file: String,
        against other: String,
        tolerance: FigureComparison.Tolerance
    ) throws -> VerifyResults {
        let started = ContinuousClock.now
        let (recorded, found) = try (
            RecordedResults(file, commands: Self.commands), RecordedResults(other, commands: Self.commands)
        )
        guard recorded.command == found.command else {
            throw IOIError(
                "\(other): command: found \(found.command.quoted), expected \(recorded.command.quoted), which \(file) "
                    + "holds results of"
            )
        }
        var comparison = FigureComparison(
            tolerance: tolerance, ignoring: uncompared(by: recorded.command)
        )
        comparison.compare(equal: recorded.model.sha256, found.model.sha256, at: "model.sha256")
        comparison.compare(equal: recorded.donor?.sha256, found.donor?.sha256, at: "donor.sha256")
        comparison.compare(equal: recorded.dataset?.sha256, found.dataset?.sha256, at: "dataset.sha256")
        comparison.compare(recorded.results, found.results, at: "results")
        // Options decide results, which are compared; paths in them may be others for the same contents.
        var options = FigureComparison(tolerance: .init(absolute: 0, relative: 0))
        options.compare(recorded.options, found.options, at: "options")
        let changed = options.groups.flatMap(\.moved).map {
            "\($0.path): found \($0.found?.description ?? "nothing"), recorded \($0.recorded?.description ?? "nothing")"
        }
        return VerifyResults([
            VerifyResults.File(
                file: file, command: recorded.command, groups: comparison.groups,
                notes: changed + notes(recorded.environment, found.environment),
                seconds: (ContinuousClock.now - started) / .seconds(1)
            )
        ])
    }

    /// What is another in how results were computed.
    private static func notes(_ recorded: EnvironmentRecord, _ found: EnvironmentRecord) -> [String] {
        [
            ("version", recorded.version, found.version), ("threads", "\(recorded.threads)", "\(found.threads)"),
            ("blas", recorded.blas, found.blas),
        ].filter { $0.1 != $0.2 }.map { "\($0.0): found \($0.2), recorded \($0.1)" }
    }
}
