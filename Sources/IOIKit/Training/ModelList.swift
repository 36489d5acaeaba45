import Foundation

/// The models that can be measured: those that names find, and the checkpoints of fine-tuning runs.
public struct ModelList: Sendable {
    /// A model, without its weights.
    public struct Entry: Sendable {
        public let location: ModelLocation
        public let config: GPT2Config
        /// The size of its weights.
        public let bytes: Int
        /// The run that it is a checkpoint of.
        public let run: URL?
        /// Whether commands take it unless they are told of another.
        public let isDefault: Bool
    }

    public let entries: [Entry]
    /// Of folders that should hold a model or a run, and do not.
    public let problems: [IOIError]

    /// - Parameters:
    ///   - found: what `ModelLocation` finds, and its problems.
    ///   - runs: the folder that runs are searched for in.
    ///   - standard: the model that is the default.
    public init(
        _ found: (models: [ModelLocation], problems: [IOIError]) = ModelLocation.all(),
        runs: RunSearch,
        standard: ModelLocation? = try? .find(nil)
    ) {
        var problems = found.problems + [runs.problem].compactMap { $0 }
        let checkpoints = runs.checkpoints.flatMap { $0 }.map(\.folder)
        let models = found.models.map { ($0, nil as URL?) }
        let trained = checkpoints.compactMap { folder -> (ModelLocation, URL?)? in
            do {
                let run = folder.deletingLastPathComponent().deletingLastPathComponent()
                return (try ModelLocation(folder: folder), run)
            } catch {
                problems.append(error as? IOIError ?? IOIError("\(error)"))
                return nil
            }
        }
        entries = (models + trained).compactMap { location, run in
            do {
                return Entry(
                    location: location, config: try GPT2Config(contentsOf: location.configFile),
                    bytes: try location.bytes, run: run, isDefault: location.folder == standard?.folder)
            } catch {
                problems.append(error as? IOIError ?? IOIError("\(error)"))
                return nil
            }
        }
        self.problems = problems
    }
}
