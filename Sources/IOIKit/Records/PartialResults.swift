import Foundation

/// What an interrupted measurement leaves beside its results file, so that the same command goes on from there.
public final class PartialResults {
    private struct Contents: Codable {
        /// A hash of everything that decides the results.
        let fingerprint: String
        var stages: [String: PatchMeasures]
        /// Those of the stages that are measured on all prompts.
        var finished: Set<String> = []
        var search: ACDC.State?
    }

    private let file: URL?
    private var contents: Contents

    /// - Parameters:
    ///   - results: the results file; without one nothing is kept.
    ///   - deciding: everything that decides the results, written as text.
    /// - Throws: `IOIError` where the file beside it is from a measurement of something else, or is not sound.
    public init(besides results: URL?, deciding: [String]) throws {
        file = results.map(Self.file(besides:))
        contents = Contents(fingerprint: Digest.sha256(of: Data(deciding.joined(separator: "\n").utf8)), stages: [:])
        guard let file, FileManager.default.fileExists(atPath: file.path) else { return }
        let found = try InputFile.decode(Contents.self, from: file)
        guard found.fingerprint == contents.fingerprint else {
            throw IOIError(
                "\(file.path): was left by an interrupted run of other options, models or prompts; "
                    + "remove it, or write the results elsewhere"
            )
        }
        contents = found
    }

    /// Keeps nothing.
    public init() {
        file = nil
        contents = Contents(fingerprint: "", stages: [:])
    }

    private static func file(besides results: URL) -> URL {
        results.deletingLastPathComponent().appendingPathComponent(results.lastPathComponent + ".partial")
    }

    /// Measures a stage, from where it was interrupted. One that was finished before an interruption needs no run, and
    /// none of what has to be known before one.
    ///
    /// - Throws: what `body` throws; of a `PatchInterruption` the measures are saved first.
    func measure(_ stage: String, _ body: (PatchMeasures?) throws -> PatchMeasures) throws -> PatchMeasures {
        if contents.finished.contains(stage), let measures = contents.stages[stage] { return measures }
        do {
            let measures = try body(contents.stages[stage])
            contents.stages[stage] = measures
            contents.finished.insert(stage)
            return measures
        } catch let interruption as PatchInterruption {
            contents.stages[stage] = interruption.measures
            if contents.stages.values.contains(where: { $0.count > 0 }) { try save() }
            throw interruption
        }
    }

    /// Searches, from where the search was interrupted.
    ///
    /// - Throws: what `body` throws; of an `ACDC.Interruption` the state is saved first.
    func search(_ body: (ACDC.State?) throws -> EdgeSet) throws -> EdgeSet {
        do {
            return try body(contents.search)
        } catch let interruption as ACDC.Interruption {
            contents.search = interruption.state
            try save()
            throw interruption
        }
    }

    private func save() throws {
        if let file { try AtomicFile.write(try JSONEncoder().encode(contents), to: file) }
    }

    /// Removes what an interruption left, once the results are written.
    public func remove() {
        if let file { try? FileManager.default.removeItem(at: file) }
    }

    /// The same for results that an earlier process wrote.
    static func remove(besides results: URL) {
        try? FileManager.default.removeItem(at: file(besides: results))
    }
}
