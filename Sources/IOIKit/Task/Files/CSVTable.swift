/// A table of comma-separated values (RFC 4180): fields may be in quotation marks and then hold commas, line breaks and
/// doubled quotation marks. Lines end in LF or CRLF; a byte-order mark and empty lines are skipped.
struct CSVTable {
    let header: [String]
    /// Each with as many fields as the header, and the number of the line that it begins on.
    let rows: [(line: Int, fields: [String])]

    /// - Parameter path: names the table in errors.
    /// - Throws: `IOIError` naming the line that is not sound, or the column that the header has twice.
    init(_ text: String, path: String) throws {
        var records = try Self.records(text, path: path)
        guard !records.isEmpty else { throw IOIError("\(path): found an empty file, expected a table") }
        header = records.removeFirst().fields
        if let twice = header.firstRepeated() {
            throw IOIError("\(path) line 1: found the column \(twice.quoted) twice, expected it once")
        }
        if let row = records.first(where: { [header] in $0.fields.count != header.count }) {
            throw IOIError(
                "\(path) line \(row.line): found \(row.fields.count) fields, expected \(header.count), one for each "
                    + "column; a field with a comma needs quotation marks"
            )
        }
        rows = records
    }

    private static func records(_ text: String, path: String) throws -> [(line: Int, fields: [String])] {
        // Bytes, because "\r\n" is one character to Swift.
        let bytes = Array((text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]).utf8)
        let (comma, quote, lf, cr) = (UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r"))
        var records: [(line: Int, fields: [String])] = []
        var (fields, start, line, index) = ([String](), 1, 1, 0)
        while index < bytes.count {
            var field: [UInt8] = []
            if bytes[index] == quote {
                let opening = line
                index += 1
                while true {
                    guard index < bytes.count else {
                        throw IOIError(
                            "\(path) line \(opening): found a quotation mark that begins a field, expected one that ends it"
                        )
                    }
                    if bytes[index] == quote {
                        index += 1
                        guard index < bytes.count, bytes[index] == quote else { break }
                    }
                    if bytes[index] == lf { line += 1 }
                    field.append(bytes[index])
                    index += 1
                }
                guard index == bytes.count || [comma, lf, cr].contains(bytes[index]) else {
                    throw IOIError(
                        "\(path) line \(line): found text after the quotation mark that ends a field, expected a comma; "
                            + "a quotation mark inside a field is doubled"
                    )
                }
            } else {
                while index < bytes.count, ![comma, lf, cr].contains(bytes[index]) {
                    field.append(bytes[index])
                    index += 1
                }
            }
            fields.append(String(decoding: field, as: UTF8.self))
            if index < bytes.count, bytes[index] == comma {
                index += 1
                // A comma at the very end is followed by an empty field.
                if index < bytes.count { continue }
                fields.append("")
            }
            if index < bytes.count, bytes[index] == cr { index += 1 }
            if index < bytes.count, bytes[index] == lf { index += 1 }
            if fields != [""] { records.append((start, fields)) }
            line += 1
            (fields, start) = ([], line)
        }
        return records
    }

    /// The text of a table, with lines that end in LF.
    static func text(_ rows: [[String]]) -> String {
        rows.map { $0.map(quoted).joined(separator: ",") + "\n" }.joined()
    }

    private static func quoted(_ field: String) -> String {
        let isPlain = field.utf8.allSatisfy { !#",""#.utf8.contains($0) && $0 != 0x0a && $0 != 0x0d }
        return isPlain ? field : "\"" + field.replacing("\"", with: "\"\"") + "\""
    }
}
