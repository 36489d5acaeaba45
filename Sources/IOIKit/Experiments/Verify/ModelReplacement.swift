import Foundation

/// A model to measure instead of a recorded one.
public struct ModelReplacement: Sendable {
    /// The name of the recorded model; nil for any.
    public let name: String?
    public let location: ModelLocation

    public init(of name: String?, by location: ModelLocation) {
        self.name = name
        self.location = location
    }

    /// `M` for any recorded model, or `NAME=M` for those with that name; M is a model's name or folder.
    ///
    /// - Throws: `IOIError` if there is no such model.
    public init(_ text: String) throws {
        var (name, argument) = (nil as String?, text)
        // A name is that of a model or of a repository, owner/name; a path may have an = in it.
        if let sign = text.firstIndex(of: "="), !FileManager.default.fileExists(atPath: text) {
            name = String(text[..<sign])
            argument = String(text[text.index(after: sign)...])
        }
        self.init(of: name, by: try ModelLocation.find(modelOrRun: argument))
    }

    /// - Parameters:
    ///   - field: `model` or `donor`.
    ///   - names: the recorded names.
    /// - Throws: `IOIError` of the field if a replacement is ambiguous or replaces nothing.
    static func check(_ replacements: [ModelReplacement], field: String, names: [String]) throws {
        guard replacements.count(where: { $0.name == nil }) <= 1 else {
            throw IOIError.invalid(
                field, "found several models for the same files, expected one, or NAME=DIR for each")
        }
        for replacement in replacements {
            guard !names.isEmpty else { throw IOIError.invalid(field, "no file was measured with a \(field)") }
            guard let name = replacement.name, !names.contains(name) else { continue }
            let known = Set(names).sorted().map(\.quoted).joined(separator: ", ")
            throw IOIError.invalid(
                field, "no file was measured with the \(field) \(name.quoted), expected one of \(known)")
        }
    }
}

extension ModelRecord {
    /// The model's present location: the recorded folder, the location its name stands for, or the run folder that the
    /// results file is in.
    ///
    /// - Parameters:
    ///   - field: `model` or `donor`.
    ///   - path: the results file.
    ///   - place: its folder.
    /// - Throws: `IOIError` that names the recorded folder.
    func location(_ field: String, in path: String, at place: URL) throws -> ModelLocation {
        if folder == nil, let location = ModelLocation.named(name) { return location }
        let inRun = place.deletingLastPathComponent().appendingPathComponent("checkpoints/\(name)")
        for folder in [folder.map { URL(fileURLWithPath: $0) }, inRun].compactMap({ $0 }) {
            if let location = try? ModelLocation(name: name, folder: folder) { return location }
        }
        throw IOIError(
            "\(path): \(field): found no model \(name.quoted)\(folder.map { " at \($0)" } ?? ""), expected it there "
                + "or a \(field) to use instead"
        )
    }
}
