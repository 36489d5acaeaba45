import Foundation

/// The first names that people of the prompts can have.
public struct NameList: Equatable, Sendable {
    /// The names, without a leading space.
    public let names: [String]
    /// The file they stand in, for messages.
    public let source: String

    /// The program's own names, `Data/names.txt`.
    public static func standard() throws -> NameList {
        try NameList(contentsOf: DataDirectory.file("names.txt"))
    }

    /// Reads a text file of one name a line; empty lines are passed over.
    ///
    /// - Throws: ``IOIError`` for a file that cannot be read, a name that stands twice, and fewer than three
    ///   names.
    public init(contentsOf file: URL) throws {
        guard let text = String(data: try InputFile.read(file), encoding: .utf8) else {
            throw IOIError("\(file.path): not UTF-8 text; expected one name a line")
        }
        let names = text.split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
        try self.init(names, source: file.path)
    }

    /// - Parameters:
    ///   - names: at least three, all different, without a leading space.
    ///   - source: where they come from, for messages.
    /// - Throws: ``IOIError`` for a name that stands twice, and fewer than three names.
    public init(_ names: [String], source: String) throws {
        if let twice = names.firstRepeated() {
            throw IOIError("\(source): name \"\(twice)\" stands twice, expected each once")
        }
        guard names.count >= 3 else {
            throw IOIError("\(source): found \(names.count) names, expected at least 3 (IO, S and a third)")
        }
        self.names = names
        self.source = source
    }
}
