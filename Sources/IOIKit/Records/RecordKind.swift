import Foundation

/// The version and command that wrote a record in a run folder.
struct RecordKind: Decodable {
    private let schema: String?
    private let command: String?

    /// - Throws: ``IOIError`` if the file cannot be read or was written by another version or command.
    static func check(_ file: URL, command: String) throws {
        let kind = try InputFile.decode(Self.self, from: file)
        guard kind.schema == "ioi/1", kind.command == command else {
            throw IOIError(
                "\(file.path): schema: found \((kind.schema ?? "nothing").quoted) of "
                    + "\((kind.command ?? "nothing").quoted), expected \"ioi/1\" of \(command.quoted)"
            )
        }
    }
}
