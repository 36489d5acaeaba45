import Foundation

/// A model to measure in the place of a recorded one.
public struct ModelReplacement: Sendable {
    /// The name of the model whose place it takes; nil for any.
    public let name: String?
    public let location: ModelLocation

    public init(of name: String?, by location: ModelLocation) {
        self.name = name
        self.location = location
    }

    /// `M`, or `NAME=M` for the models of that name alone; M is a model's name or folder.
    ///
    /// - Throws: `IOIError` where there is no such model.
    public init(_ text: String) throws {
        var (name, argument) = (nil as String?, text)
        // A name has no slash; what comes before an = in a path may have.
        if let sign = text.firstIndex(of: "="), !text[..<sign].contains("/") {
            name = String(text[..<sign])
            argument = String(text[text.index(after: sign)...])
        }
        self.init(of: name, by: try ModelLocation.find(argument))
    }
}

extension ModelRecord {
    /// Where the model lies now: in the folder that was recorded, where its name leads, or in the run folder that the
    /// results file is part of.
    ///
    /// - Parameters:
    ///   - field: `model` or `donor`.
    ///   - file: the results file.
    /// - Throws: `IOIError` that says where was looked.
    func location(_ field: String, in file: RecordedResults) throws -> ModelLocation {
        let inRun = file.folder.deletingLastPathComponent().appendingPathComponent("checkpoints/\(name)")
        let folders = (folder.map { [URL(fileURLWithPath: $0)] } ?? []) + [inRun]
        if folder == nil, let location = ModelLocation.named(name) {
            return location
        }
        for folder in folders {
            if let location = try? ModelLocation(name: name, folder: folder) { return location }
        }
        throw IOIError(
            "\(file.path): \(field): found no model \(name.quoted)\(folder.map { " at \($0)" } ?? ""); say where it lies "
                + "by --\(field) DIR or --\(field) \(name)=DIR"
        )
    }
}
