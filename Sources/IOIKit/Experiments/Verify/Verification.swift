import Foundation

/// Repeats recorded measurements and compares the results.
public struct Verification: Sendable {
    private struct Entry: Sendable {
        let recorded: RecordedResults
        let model: ModelLocation
        let donor: ModelLocation?
        /// The models that replace the recorded ones: `model`, `donor` or both.
        let replaced: Set<String>
    }

    /// A measurement about to begin.
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

    /// Reads all files first, so that an invalid one is found before anything is measured.
    ///
    /// - Parameters:
    ///   - models: to measure instead of the recorded models.
    ///   - donors: to measure instead of the recorded donors.
    ///   - files: the files.
    ///   - tolerance: how far figures may be apart.
    /// - Throws: `IOIError` that names the file and the field if a file cannot be repeated, or the field `model` or
    ///   `donor` if a replacement replaces nothing.
    public init(
        _ files: [String],
        tolerance: FigureComparison.Tolerance,
        models: [ModelReplacement] = [],
        donors: [ModelReplacement] = []
    ) throws {
        self.tolerance = tolerance
        let all = try files.map { path in
            let recorded = try RecordedResults(path)
            try recorded.checkOptions()
            return recorded
        }
        try ModelReplacement.check(models, field: "model", names: all.map(\.model.name))
        try ModelReplacement.check(donors, field: "donor", names: all.compactMap(\.donor?.name))
        entries = try all.map { recorded in
            var replaced: Set<String> = []
            func location(_ field: String, _ record: ModelRecord, _ others: [ModelReplacement]) throws -> ModelLocation
            {
                guard
                    let other = others.first(where: { $0.name == record.name })
                        ?? others.first(where: { $0.name == nil })
                else { return try record.location(field, in: recorded.path, at: recorded.folder) }
                replaced.insert(field)
                return other.location
            }
            let model = try location("model", recorded.model, models)
            let donor = try recorded.donor.map { try location("donor", $0, donors) }
            return Entry(recorded: recorded, model: model, donor: donor, replaced: replaced)
        }
    }

    /// Repeats the measurements one after another.
    ///
    /// - Parameters:
    ///   - begin: called before each measurement.
    ///   - progress: called with the fraction of the measurement that is done.
    ///   - settings: threads, memory and interruption.
    ///   - precision: of matrix products; nil for the recorded one.
    /// - Throws: `IOIError` that names the file of a measurement that cannot be repeated; ``PatchInterruption`` or
    ///   `ACDC.Interruption` if the settings ask to stop.
    public func run(
        settings: RunSettings,
        precision: Precision? = nil,
        begin: (Step) -> Void = { _ in },
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> VerificationResults {
        VerificationResults(
            try entries.enumerated().map { index, entry in
                let recorded = entry.recorded
                begin(
                    Step(
                        index: index, file: recorded.path, command: recorded.command, model: entry.model,
                        donor: entry.donor
                    )
                )
                let started = ContinuousClock.now
                var settings = settings
                settings.workers = settings.workers.with(precision ?? recorded.findings.environment.precision)
                let work = Work(settings, perPrompt: recorded.results.holds("per_prompt"), progress: progress)
                let found = try recorded.repeated(on: entry.model, donor: entry.donor, work)
                // Not every experiment can be interrupted midway. All ranks stop after the same one.
                if work.settings.ranks.any(work.settings.isStopping) {
                    throw PatchInterruption(measures: PatchMeasures(cells: 0))
                }
                return try Self.compare(
                    recorded, recorded.findings, found, tolerance, replaced: entry.replaced, started: started)
            }
        )
    }

    /// Compares two results files of one command without measuring anything.
    ///
    /// - Throws: `IOIError` if a file contains no results, or the commands differ.
    public static func compare(
        _ file: String,
        against other: String,
        tolerance: FigureComparison.Tolerance
    ) throws -> VerificationResults {
        let started = ContinuousClock.now
        let (recorded, found) = try (RecordedResults(file), RecordedResults(other))
        guard recorded.command == found.command else {
            throw IOIError(
                "\(other): command: found \(found.command.quoted), expected \(recorded.command.quoted) as in \(file)"
            )
        }
        // A change of options shows in the results. Paths among the options may differ though their contents agree.
        var options = FigureComparison(tolerance: .init(absolute: 0, relative: 0))
        options.compare(recorded.options, found.options, at: "options")
        let notes = options.groups.flatMap(\.moved).map {
            "\($0.path): found \($0.found?.description ?? "nothing"), recorded \($0.recorded?.description ?? "nothing")"
        }
        return VerificationResults([
            try compare(recorded, recorded.findings, found.findings, tolerance, notes: notes, started: started)
        ])
    }

    /// - Parameter replaced: the models whose hashes are expected to differ.
    private static func compare(
        _ file: RecordedResults,
        _ recorded: Findings,
        _ found: Findings,
        _ tolerance: FigureComparison.Tolerance,
        replaced: Set<String> = [],
        notes: [String] = [],
        started: ContinuousClock.Instant
    ) throws -> VerificationResults.File {
        var comparison = FigureComparison(tolerance: tolerance, ignoring: file.uncompared, later: file.later)
        var notes = notes
        for (field, before, after) in [
            ("model", recorded.model, found.model), ("donor", recorded.donor, found.donor),
            ("dataset", recorded.dataset, found.dataset),
        ] {
            if !replaced.contains(field) {
                comparison.compare(equal: before, after, at: "\(field).sha256")
            } else if before != after {
                notes.append("\(field): differs from the recorded one, as requested")
            }
        }
        comparison.compare(recorded.results, found.results, at: "results")
        // Older files do not have it.
        if let before = recorded.counterfactuals, let after = found.counterfactuals {
            try comparison.compare(JSONValue(before), JSONValue(after), at: "dataset.counterfactuals")
        }
        notes += [
            ("version", recorded.environment.version, found.environment.version),
            ("threads", "\(recorded.environment.threads)", "\(found.environment.threads)"),
            ("blas", recorded.environment.blas, found.environment.blas),
            ("precision", recorded.environment.precision.rawValue, found.environment.precision.rawValue),
        ].filter { $0.1 != $0.2 }.map { "\($0.0): found \($0.2), recorded \($0.1)" }
        return VerificationResults.File(
            file: file.path, command: file.command, groups: comparison.groups, notes: notes,
            seconds: (ContinuousClock.now - started) / .seconds(1)
        )
    }
}
