import Foundation

/// A results file: what was measured, by which options, on what.
struct RecordedResults: Sendable {
    private struct Kind: Decodable {
        let schema: String
        let command: String
    }

    private struct Contents: Decodable {
        let model: ModelRecord
        let donor: ModelRecord?
        let dataset: DatasetRecord?
        let environment: EnvironmentRecord
        let options: JSONValue
        let results: JSONValue
    }

    private struct WithOptions<Options: Decodable>: Decodable {
        let options: Options
    }

    /// As the user named it.
    let path: String
    let command: String
    private let contents: Contents
    private let json: Data

    var model: ModelRecord { contents.model }
    var donor: ModelRecord? { contents.donor }
    var dataset: DatasetRecord? { contents.dataset }
    var environment: EnvironmentRecord { contents.environment }
    var options: JSONValue { contents.options }
    var results: JSONValue { contents.results }
    /// Where the file lies.
    var folder: URL { URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent() }

    /// - Parameter commands: those whose results are wanted.
    /// - Throws: `IOIError` naming the file and the field, what was found there and what was expected.
    init(_ path: String, commands: [String]) throws {
        self.path = path
        json = try InputFile.read(URL(fileURLWithPath: path), limit: .max)
        let kind = try InputFile.decode(Kind.self, from: json, path: path)
        guard kind.schema == "ioi/1" else {
            throw IOIError("\(path): schema: found \(kind.schema.quoted), expected \"ioi/1\"")
        }
        guard commands.contains(kind.command) else {
            throw IOIError(
                "\(path): command: found \(kind.command.quoted), expected results of one of "
                    + commands.sorted().joined(separator: ", ")
            )
        }
        command = kind.command
        contents = try InputFile.decode(Contents.self, from: json, path: path)
    }

    /// - Throws: ``IOIError`` naming the file and the option that is missing or not as it has to be.
    func options<Options: Decodable>(_ type: Options.Type) throws -> Options {
        try InputFile.decode(WithOptions<Options>.self, from: json, path: path).options
    }

    /// The experiment that was run. A file may hold what no command lets through, so its options are checked again.
    ///
    /// - Throws: ``IOIError`` naming the file and the option that is missing or not as it has to be.
    func experiment<Kind: Experiment>(_ kind: Kind.Type) throws -> Kind {
        let experiment = try options(kind)
        do {
            try experiment.validate()
        } catch let error as IOIError {
            throw IOIError("\(path): \(error.field == nil ? "" : "options.")\(error)")
        }
        return experiment
    }
}
