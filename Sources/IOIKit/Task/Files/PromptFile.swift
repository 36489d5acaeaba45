import Foundation

/// A file of prompts in any form that is read, which its contents tell:
///
/// - JSON lines, an array of the same objects, or an object with the array as `prompts`; the objects are IOI prompts
///   with `io` and `s`, or prompts of any task with `text` and `right`;
/// - AutoCircuit's JSON (Miller et al. 2407.08734): `prompts` with `clean`, `corrupt`, `answers` and `wrong_answers`,
///   and `word_idxs`;
/// - EAP-IG's tables: ``PairTable``.
struct PromptFile {
    enum Records {
        case ioi([PromptRecord])
        case pairs([PairRecord])
    }

    /// The path that means standard input.
    static let standardInput = "-"

    /// For errors.
    let path: String
    /// Without folder and extension.
    let name: String
    let records: Records
    /// The contents if they are JSON lines.
    let lines: Data?

    /// - Throws: `IOIError` naming the file and the place that cannot be read.
    init(_ path: String) throws {
        if path == Self.standardInput {
            try self.init(StandardInput.contents.get(), path: "standard input", name: "stdin")
        } else {
            let url = URL(fileURLWithPath: path)
            try self.init(
                InputFile.read(url, limit: .max), path: url.path, name: url.deletingPathExtension().lastPathComponent)
        }
    }

    init(_ contents: Data, path: String, name: String) throws {
        (self.path, self.name) = (path, name)
        try ForeignFile.refuse(contents, path: path)
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        let bytes = contents.starts(with: mark) ? Data(contents.dropFirst(mark.count)) : contents
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        while let last = lines.last, last.allSatisfy(Self.isBlank) { lines.removeLast() }
        guard let start = lines.first(where: { !$0.allSatisfy(Self.isBlank) })?.first(where: { !Self.isBlank($0) })
        else {
            throw IOIError("\(path): found an empty file, expected one prompt per line")
        }
        switch start {
        case UInt8(ascii: "["):
            (records, self.lines) = (try Self.records(ofDocument: bytes, path: path), nil)
        case UInt8(ascii: "{"):
            // An object on the first line is a prompt unless it holds them all; one of several lines must.
            let isDocument =
                Self.names(in: lines[0])?.contains("prompts")
                ?? (lines[0].filter { !Self.isBlank($0) } == [start] || Self.names(in: bytes) != nil)
            records = try isDocument ? Self.records(ofDocument: bytes, path: path) : Self.records(of: lines, path: path)
            self.lines = isDocument ? nil : contents
        default:
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw IOIError("\(path): found bytes that are not UTF-8, expected prompts")
            }
            (records, self.lines) = (.pairs(try PairTable.records(text, path: path)), nil)
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }

    // MARK: JSON

    /// The names of an object's fields.
    private struct FieldNames: Decodable {
        let names: Set<String>

        var areIOI: Bool { names.contains("io") || names.contains("s") }

        init(from decoder: any Decoder) throws {
            names = Set(try decoder.container(keyedBy: FieldName.self).allKeys.map(\.stringValue))
        }
    }

    private static func names(in json: Data) -> Set<String>? {
        (try? JSONDecoder().decode(FieldNames.self, from: json))?.names
    }

    private static func records(of lines: [Data], path: String) throws -> Records {
        func read<Record: FileRecord>() throws -> [Record] {
            try lines.enumerated().map { index, line in
                let source = "\(path) line \(index + 1)"
                guard !line.allSatisfy(Self.isBlank) else {
                    throw IOIError("\(source): found a blank line, expected a prompt")
                }
                var record = try InputFile.decode(Record.self, from: Data(line), path: source)
                record.source = source
                return record
            }
        }
        let first = try? JSONDecoder().decode(FieldNames.self, from: Data(lines[0]))
        return first?.areIOI == true ? .ioi(try read()) : .pairs(try read())
    }

    /// An array of prompts, or an object that has one.
    private struct Document<Record: Decodable>: Decodable {
        let records: [Record]
        /// AutoCircuit's positions, which all prompts share.
        let positions: [String: WholeNumber]
        let isArray: Bool

        init(from decoder: any Decoder) throws {
            isArray = (try? decoder.unkeyedContainer()) != nil
            if isArray {
                records = try [Record](from: decoder)
                positions = [:]
            } else {
                let object = try decoder.container(keyedBy: FieldName.self)
                records = try object.decode([Record].self, forKey: "prompts")
                positions = try object.decodeIfPresent([String: WholeNumber].self, forKey: "word_idxs") ?? [:]
            }
        }
    }

    private static func records(ofDocument json: Data, path: String) throws -> Records {
        func read<Record: FileRecord>() throws -> [Record] {
            let document = try InputFile.decode(Document<Record>.self, from: json, path: path)
            return document.records.enumerated().map { index, record in
                var record = record
                record.source = "\(path): \(document.isArray ? "" : "prompts")[\(index)]"
                record.share(document.positions.mapValues(\.value))
                return record
            }
        }
        let all = try InputFile.decode(Document<FieldNames>.self, from: json, path: path).records
        guard let first = all.first else { throw IOIError("\(path): found an empty list, expected prompts") }
        return first.areIOI ? .ioi(try read()) : .pairs(try read())
    }

    /// What is wrong with a file of another task where IOI prompts are needed.
    var noIOI: IOIError {
        IOIError("\(path): found prompts of another task, expected IOI prompts, with text, io and s")
    }

    // MARK: Counterfactuals of other lengths

    /// The prompts whose counterfactuals, if any, have as many tokens.
    ///
    /// - Parameters:
    ///   - prompts: of the records.
    ///   - records: the places of the prompts and the name of the field, for errors.
    ///   - dropping: whether other prompts are left out.
    ///   - lengths: of a prompt and of its counterfactual, in tokens.
    /// - Throws: `IOIError` naming the first of the other prompts, unless they are left out, or if all are.
    static func equal<Prompt>(
        _ prompts: [Prompt],
        of records: [(source: String, field: String)],
        dropping: Bool,
        lengths: (Prompt) -> (Int, Int?)
    ) throws -> [Prompt] {
        let unequal = prompts.indices.filter { index in
            let (own, other) = lengths(prompts[index])
            return other.map { $0 != own } ?? false
        }
        guard let first = unequal.first else { return prompts }
        guard dropping, unequal.count < prompts.count else {
            let (own, other) = lengths(prompts[first])
            throw IOIError(
                "\(records[first].source): \(records[first].field): found \(other!) tokens, expected \(own), as many as "
                    + "the prompt has\(unequal.count == 1 ? "" : "; \(unequal.count) of \(prompts.count) prompts are so")"
            )
        }
        let dropped = Set(unequal)
        return prompts.indices.filter { !dropped.contains($0) }.map { prompts[$0] }
    }
}

/// A prompt as a JSON file holds it.
protocol FileRecord: Decodable {
    /// File and place, for errors.
    var source: String { get set }

    /// Takes positions that all prompts of the file share, if its form has them.
    mutating func share(_ positions: [String: Int])
}

extension PromptRecord: FileRecord {
    mutating func share(_ positions: [String: Int]) {}
}

extension PairRecord: FileRecord {
    mutating func share(_ positions: [String: Int]) {
        if names == .autoCircuit { self.positions = positions }
    }
}

/// The contents of standard input, which can be read once.
public enum StandardInput {
    /// The processes that need them, of which rank 0 alone may be given them. Set before they are read.
    nonisolated(unsafe) public static var ranks = Ranks.alone

    static let contents = Result { try ranks.onFirst { try FileHandle.standardInput.readToEnd() ?? Data() } }
}
