import Foundation

/// The progress of an interrupted experiment, saved beside its results file so that the same experiment can resume.
public final class PartialResults {
    private struct Contents: Codable {
        /// A hash of everything that determines the results.
        var fingerprint = ""
        var stages: [String: PatchMeasures] = [:]
        /// The stages that are complete.
        var finished: Set<String> = []
        var search: ACDC.State?
    }

    private let file: URL?
    private let deciding: () throws -> [String]
    private let ranks: Ranks
    private var contents = Contents()

    /// - Parameters:
    ///   - results: the results file; nil to save nothing.
    ///   - ranks: the processes that share the work, the first of which reads and saves.
    ///   - deciding: everything that determines the results, as text. Made when it is needed: to check or save progress.
    /// - Throws: `IOIError` if the saved progress is malformed or belongs to a different experiment.
    public init(
        besides results: URL?,
        ranks: Ranks = .alone,
        deciding: @autoclosure @escaping () throws -> [String]
    ) throws {
        file = results.map(Self.file(besides:))
        self.deciding = deciding
        self.ranks = ranks
        contents = try ranks.onFirst {
            guard let file, FileManager.default.fileExists(atPath: file.path) else { return Contents() }
            let found = try InputFile.decode(Contents.self, from: file)
            guard try found.fingerprint == fingerprint() else {
                throw IOIError(
                    "\(file.path): is from an interrupted run with other options, models or prompts; remove it or write "
                        + "the results elsewhere"
                )
            }
            return found
        }
    }

    /// Saves nothing.
    public init() {
        file = nil
        ranks = .alone
        deciding = { [] }
    }

    private func fingerprint() throws -> String {
        Digest.sha256(of: Data(try deciding().joined(separator: "\n").utf8))
    }

    private static func file(besides results: URL) -> URL {
        results.deletingLastPathComponent().appendingPathComponent(results.lastPathComponent + ".partial")
    }

    /// Measures a stage, resuming where it was interrupted. A stage that is complete does not call `body`.
    ///
    /// - Parameters:
    ///   - size: of the measures of the whole stage.
    ///   - stage: its name.
    ///   - body: measures the rest.
    /// - Throws: `IOIError` that names the file if the saved measures are of another size; errors from `body`. The
    ///   measures of a ``PatchInterruption`` are saved first.
    func measure(
        _ stage: String,
        _ size: PatchMeasures.Size,
        _ body: (PatchMeasures?) throws -> PatchMeasures
    ) throws -> PatchMeasures {
        let (saved, isFinished) = (contents.stages[stage], contents.finished.contains(stage))
        try named("stages.\(stage)") { try saved?.check(size, isDone: isFinished) }
        if isFinished, let saved { return saved }
        do {
            let measures = try body(saved)
            contents.stages[stage] = measures
            contents.finished.insert(stage)
            return measures
        } catch let interruption as PatchInterruption {
            contents.stages[stage] = interruption.measures
            if contents.stages.values.contains(where: { $0.count > 0 }) { try save() }
            throw interruption
        }
    }

    /// Searches, resuming where the search was interrupted.
    ///
    /// - Parameters:
    ///   - edges: the number of edges to consider.
    ///   - body: searches on.
    /// - Throws: `IOIError` that names the file if the saved state is of another graph; errors from `body`. The state of
    ///   an ``ACDC/Interruption`` is saved first.
    func search(edges: Int, _ body: (ACDC.State?) throws -> EdgeSet) throws -> EdgeSet {
        try named("search") { try contents.search?.check(edges: edges) }
        do {
            return try body(contents.search)
        } catch let interruption as ACDC.Interruption {
            contents.search = interruption.state
            try save()
            throw interruption
        }
    }

    /// - Throws: the error of `check` with the file and the field.
    private func named(_ field: String, _ check: () throws -> Void) throws {
        do {
            try check()
        } catch let error as IOIError {
            throw IOIError("\(file?.path ?? "partial results"): \(field).\(error)")
        }
    }

    private func save() throws {
        guard let file, ranks.isFirst else { return }
        contents.fingerprint = try fingerprint()
        try AtomicFile.write(try JSONEncoder().encode(contents), to: file)
    }

    /// Removes the saved progress after the results are written.
    public func remove() {
        if let file, ranks.isFirst { try? FileManager.default.removeItem(at: file) }
    }

    /// Removes the progress saved by an earlier process.
    static func remove(besides results: URL) {
        try? FileManager.default.removeItem(at: file(besides: results))
    }
}
