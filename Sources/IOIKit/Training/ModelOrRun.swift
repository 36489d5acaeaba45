import Foundation

extension ModelLocation {
    /// Finds a model by name or folder; the folder of a fine-tuning run stands for its newest checkpoint.
    ///
    /// - Parameters:
    ///   - argument: the name or folder; nil for the model that is the default.
    ///   - need: what the model's folder has to hold.
    /// - Throws: `IOIError` if there is no such model, a run has no checkpoint, or the folder is that of a plan, which has
    ///   several runs.
    public static func find(modelOrRun argument: String?, needing need: Need = .weights) throws -> ModelLocation {
        guard let argument, !argument.isEmpty else { return try find(argument, needing: need) }
        let folder = URL(fileURLWithPath: argument).standardizedFileURL
        if let run = RunFolder.run(in: folder) {
            guard let newest = try run.savedCheckpoints().last else {
                throw IOIError("\(argument): found a run without checkpoints, expected one")
            }
            var location = try ModelLocation(folder: newest.folder, needing: need)
            location.run = folder
            return location
        }
        do {
            return try find(argument, needing: need)
        } catch {
            let runs = RunSearch(in: folder.appendingPathComponent("runs")).checkpoints.compactMap { checkpoints in
                checkpoints.last?.folder.deletingLastPathComponent().deletingLastPathComponent().lastPathComponent
            }
            guard !runs.isEmpty else { throw error }
            throw IOIError(
                "\(argument): found the runs of a plan, expected one of them: \(argument)/runs/ and "
                    + runs.joined(separator: ", "))
        }
    }
}
