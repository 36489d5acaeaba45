import Foundation

/// JSON (RFC 8259) as it stands in a file: numbers keep their spelling, and a key that stands twice is an
/// error.
///
/// Foundation's parser hides duplicate keys and turns every number into the nearest `Double`, so that neither
/// can be checked after it.
enum StrictJSON: Equatable, Sendable {
    case object([String: StrictJSON])
    case array([StrictJSON])
    case string(String)
    /// A number, spelled as in the file.
    case number(String)
    case bool(Bool)
    case null

    /// Why a text is not JSON, and where.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    init(parsing bytes: UnsafeRawBufferPointer) throws(Failure) {
        var parser = Parser(bytes: bytes)
        self = try parser.document()
    }

    init(parsing data: Data) throws(Failure) {
        let result = data.withUnsafeBytes { bytes in
            Result { () throws(Failure) in try StrictJSON(parsing: bytes) }
        }
        self = try result.get()
    }

    /// The value as an `Int`, where it is a number spelled as an integer that fits.
    var integer: Int? {
        if case .number(let spelling) = self { Int(spelling) } else { nil }
    }

    /// The value in one line, shortened, for an error that says what was found.
    var summary: String {
        switch self {
        case .object(let members): "an object of \(members.count) members"
        case .array(let elements) where elements.count <= 8:
            "[" + elements.map(\.summary).joined(separator: ", ") + "]"
        case .array(let elements): "an array of \(elements.count) elements"
        case .string(let text): Self.quote(text)
        case .number(let spelling): String(spelling.prefix(40))
        case .bool(let value): String(value)
        case .null: "null"
        }
    }

    /// Text in double quotes, shortened, with control characters escaped, for an error.
    static func quote(_ text: String) -> String {
        text.count <= 80 ? text.debugDescription : String(text.prefix(80)).debugDescription + "…"
    }
}

extension StrictJSON {
    /// The document with sorted keys, two spaces of indentation for each level, and a newline at the end.
    var prettyPrinted: String {
        var text = ""
        write(to: &text, indentation: "\n")
        return text + "\n"
    }

    private func write(to text: inout String, indentation: String) {
        let inner = indentation + "  "
        switch self {
        case .object(let members):
            guard !members.isEmpty else { return text += "{}" }
            text += "{"
            for (index, key) in members.keys.sorted().enumerated() {
                text += (index == 0 ? "" : ",") + inner + Self.literal(key) + ": "
                members[key]?.write(to: &text, indentation: inner)
            }
            text += indentation + "}"
        case .array(let elements):
            guard !elements.isEmpty else { return text += "[]" }
            text += "["
            for (index, element) in elements.enumerated() {
                text += (index == 0 ? "" : ",") + inner
                element.write(to: &text, indentation: inner)
            }
            text += indentation + "]"
        case .string(let string): text += Self.literal(string)
        case .number(let spelling): text += spelling
        case .bool(let value): text += value ? "true" : "false"
        case .null: text += "null"
        }
    }

    /// A string as JSON spells it, quotes included.
    static func literal(_ string: String) -> String {
        var text = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..<"\u{20}", "\u{7f}":
                let hex = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}

extension StrictJSON {
    private struct Parser {
        let bytes: UnsafeRawBufferPointer
        var position = 0
        /// Deeper nesting than any configuration or header has would only exhaust the stack.
        static let deepest = 64

        mutating func document() throws(Failure) -> StrictJSON {
            guard String(validating: bytes, as: UTF8.self) != nil else {
                throw Failure(description: "it is not UTF-8")
            }
            let value = try value(depth: 0)
            skipSpace()
            guard position == bytes.count else { throw unexpected("the end") }
            return value
        }

        private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

        private func unexpected(_ expected: String) -> Failure {
            let found =
                switch current {
                case nil: "the end"
                case .some(let byte) where byte > 0x20 && byte < 0x7f:
                    "'\(Character(UnicodeScalar(byte)))'"
                case .some(let byte): "byte 0x" + String(byte, radix: 16)
                }
            return Failure(description: "at byte \(position) found \(found), expected \(expected)")
        }

        private mutating func skipSpace() {
            while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
                position += 1
            }
        }

        private mutating func take(_ byte: Character) -> Bool {
            guard current == byte.asciiValue else { return false }
            position += 1
            return true
        }

        private mutating func value(depth: Int) throws(Failure) -> StrictJSON {
            guard depth < Self.deepest else {
                throw Failure(description: "nested deeper than \(Self.deepest) levels at byte \(position)")
            }
            skipSpace()
            switch current.map({ Character(UnicodeScalar($0)) }) {
            case "{": return try object(depth: depth)
            case "[": return try array(depth: depth)
            case "\"": return .string(try string())
            case "t": return try word("true", .bool(true))
            case "f": return try word("false", .bool(false))
            case "n": return try word("null", .null)
            case "-", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9": return .number(try number())
            default: throw unexpected("a value")
            }
        }

        private mutating func word(_ text: StaticString, _ value: StrictJSON) throws(Failure) -> StrictJSON {
            let start = position
            for character in text.description {
                guard take(character) else {
                    position = start
                    throw unexpected("a value")
                }
            }
            return value
        }

        private mutating func object(depth: Int) throws(Failure) -> StrictJSON {
            position += 1
            var members: [String: StrictJSON] = [:]
            skipSpace()
            if take("}") { return .object(members) }
            repeat {
                skipSpace()
                guard current == UInt8(ascii: "\"") else { throw unexpected("a key") }
                let key = try string()
                skipSpace()
                guard take(":") else { throw unexpected("':'") }
                let value = try value(depth: depth + 1)
                guard members.updateValue(value, forKey: key) == nil else {
                    throw Failure(description: "key \(StrictJSON.quote(key)) stands twice")
                }
                skipSpace()
            } while take(",")
            guard take("}") else { throw unexpected("',' or '}'") }
            return .object(members)
        }

        private mutating func array(depth: Int) throws(Failure) -> StrictJSON {
            position += 1
            var elements: [StrictJSON] = []
            skipSpace()
            if take("]") { return .array(elements) }
            repeat {
                elements.append(try value(depth: depth + 1))
                skipSpace()
            } while take(",")
            guard take("]") else { throw unexpected("',' or ']'") }
            return .array(elements)
        }

        private mutating func digits() throws(Failure) {
            let start = position
            while let byte = current, (0x30...0x39).contains(byte) { position += 1 }
            guard position > start else { throw unexpected("a digit") }
        }

        private mutating func number() throws(Failure) -> String {
            let start = position
            _ = take("-")
            if !take("0") { try digits() }
            if take(".") { try digits() }
            if take("e") || take("E") {
                if !take("+") { _ = take("-") }
                try digits()
            }
            return text(start..<position)
        }

        private func text(_ range: Range<Int>) -> String {
            String(decoding: bytes[range], as: UTF8.self)
        }

        private mutating func string() throws(Failure) -> String {
            position += 1
            var result = ""
            var start = position
            while true {
                switch current {
                case UInt8(ascii: "\""):
                    result += text(start..<position)
                    position += 1
                    return result
                case UInt8(ascii: "\\"):
                    result += text(start..<position)
                    position += 1
                    result.unicodeScalars.append(try escape())
                    start = position
                case nil, .some(0..<0x20): throw unexpected("a character or '\"'")
                default: position += 1
                }
            }
        }

        private mutating func escape() throws(Failure) -> UnicodeScalar {
            let escapes: [(Character, UnicodeScalar)] = [
                ("\"", "\""), ("\\", "\\"), ("/", "/"), ("b", "\u{8}"), ("f", "\u{c}"), ("n", "\n"),
                ("r", "\r"),
                ("t", "\t"),
            ]
            for (spelling, scalar) in escapes where take(spelling) { return scalar }
            guard take("u") else { throw unexpected("an escape") }
            let first = try codeUnit()
            if let scalar = UnicodeScalar(first) { return scalar }
            guard UTF16.isLeadSurrogate(first), take("\\"), take("u") else {
                throw unexpected("the second half of a surrogate pair")
            }
            let second = try codeUnit()
            guard UTF16.isTrailSurrogate(second) else {
                throw unexpected("the second half of a surrogate pair before it")
            }
            return UnicodeScalar(
                0x10000 + (UInt32(first) - 0xd800) << 10 + UInt32(second) - 0xdc00
            )!
        }

        private mutating func codeUnit() throws(Failure) -> UInt16 {
            var unit: UInt16 = 0
            for _ in 0..<4 {
                guard let digit = current.flatMap({ Character(UnicodeScalar($0)).hexDigitValue }) else {
                    throw unexpected("a hexadecimal digit")
                }
                unit = unit << 4 | UInt16(digit)
                position += 1
            }
            return unit
        }
    }
}
