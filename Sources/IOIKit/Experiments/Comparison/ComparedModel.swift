import Foundation

/// One of several models that are compared.
public struct ComparedModel: Equatable, Sendable {
    /// Its name, with that of its run if it is a checkpoint; no two have the same.
    public private(set) var label: String
    public let location: ModelLocation

    private init(_ location: ModelLocation) {
        self.location = location
        let parent = location.folder.deletingLastPathComponent()
        label =
            parent.lastPathComponent == "checkpoints"
            ? "\(parent.deletingLastPathComponent().lastPathComponent)/\(location.name)" : location.name
    }

    /// Finds models. The folder of a fine-tuning run stands for its checkpoints, in their order.
    ///
    /// - Parameter names: names or folders; that of the model to compare with comes first.
    /// - Throws: `IOIError` if a model is not found or comes twice, a run has no checkpoint, the first is a run, or there
    ///   are fewer than two models.
    public static func find(_ names: [String]) throws -> [ComparedModel] {
        guard names.count > 1 else {
            throw IOIError.usage("found one model, expected a model to compare with and others")
        }
        var models: [ComparedModel] = []
        for (index, name) in names.enumerated() {
            guard let checkpoints = try checkpoints(of: name) else {
                models.append(ComparedModel(try ModelLocation.find(name)))
                continue
            }
            guard index > 0 else {
                throw IOIError.usage(
                    "\(name): found a fine-tuning run, expected the model to compare with, or a checkpoint")
            }
            guard !checkpoints.isEmpty else { throw IOIError("\(name): found a run without checkpoints, expected one") }
            models += try checkpoints.map { ComparedModel(try ModelLocation(folder: $0.folder)) }
        }
        for (index, model) in models.enumerated() {
            if models[..<index].contains(where: { $0.location.folder == model.location.folder }) {
                throw IOIError.usage("found \(model.label) twice, expected each model once")
            }
        }
        let labels = models.map(\.label)
        for index in models.indices where labels.count(where: { $0 == labels[index] }) > 1 {
            models[index].label = models[index].location.folder.path
        }
        return models
    }

    /// nil if the folder is no run.
    private static func checkpoints(of name: String) throws -> [Checkpoint]? {
        name.isEmpty ? nil : try RunFolder.run(in: URL(fileURLWithPath: name))?.savedCheckpoints()
    }
}
