import Foundation

/// The fine-tuning runs below a folder, such as `runs`: `runs/NAME`, and the runs of a reproduction,
/// `runs/PLAN/runs/STAGE`.
public struct RunSearch: Sendable {
    /// A run with at least one checkpoint.
    private struct Run {
        /// The hash of the model that it started from.
        let base: String
        /// By step.
        let checkpoints: [Checkpoint]
        /// When the newest was saved.
        let saved: Date

        var newest: Checkpoint { checkpoints.last! }
    }

    /// What of a run's `config.json` is needed to know where it started.
    private struct Record: Decodable {
        struct Model: Decodable { let sha256: String }
        let model: Model
    }

    public let folder: URL
    private var runs: [Run] = []
    /// The first run that could not be read, to be named if nothing is found.
    public private(set) var problem: IOIError?

    /// The checkpoints of each run, by step; the runs in the order of their paths.
    public var checkpoints: [[Checkpoint]] { runs.map(\.checkpoints) }

    /// Whether there is no run with a checkpoint.
    public var isEmpty: Bool { runs.isEmpty }

    /// Reads all runs. A missing folder holds none; those that cannot be read are passed over.
    public init(in folder: URL) {
        self.folder = folder
        search(folder, depth: 3)
    }

    /// The newest checkpoint of the run that saved one last, among the runs that started from a model.
    ///
    /// Runs that started from a checkpoint of such a run do not count: a recovery has been trained twice, and what
    /// either training did could not be told.
    ///
    /// - Parameter sha256: the hash of the model.
    public func newestCheckpoint(trainedFrom sha256: String) -> Checkpoint? {
        runs.filter { $0.base == sha256 }.max {
            ($0.saved, $0.newest.folder.path) < ($1.saved, $1.newest.folder.path)
        }?.newest
    }

    /// - Parameter depth: how many levels of folders to look into.
    private mutating func search(_ folder: URL, depth: Int) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names.sorted() where !name.hasPrefix(".") {
            let child = folder.appendingPathComponent(name)
            let run = RunFolder(child)
            // A model folder has a config.json too.
            if (try? ModelLocation(folder: child)) != nil { continue }
            if run.holdsRun {
                do {
                    if let run = try Self.read(run) { runs.append(run) }
                } catch {
                    problem = problem ?? error as? IOIError
                }
            } else if depth > 1 {
                search(child, depth: depth - 1)
            }
        }
    }

    /// - Returns: nil if the run has no checkpoint yet.
    private static func read(_ run: RunFolder) throws -> Run? {
        try RecordKind.check(run.configFile, command: RunRecord.command)
        let record = try InputFile.decode(Record.self, from: run.configFile)
        let checkpoints = try run.savedCheckpoints()
        guard let newest = checkpoints.last else { return nil }
        return Run(base: record.model.sha256, checkpoints: checkpoints, saved: newest.saved)
    }
}
