/// Reads `vocab.json`, one JSON object whose values are integers.
///
/// A parser of its own because Foundation's keeps only one of several equal keys, and takes keys for equal when
/// they are only canonically equivalent.
struct VocabularyParser {
    private let bytes: [UInt8]
    private let file: String
    private var position = 0

    /// - Returns: the tokens and their ids, in the file's order.
    /// - Throws: `IOIError` naming the file and the first thing in it that is not as it has to be.
    static func parse(_ bytes: [UInt8], file: String) throws -> [(token: String, id: Int)] {
        var parser = VocabularyParser(bytes: bytes, file: file)
        return try parser.object()
    }

    private init(bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    private mutating func object() throws -> [(token: String, id: Int)] {
        var entries: [(token: String, id: Int)] = []
        try expect("{", "an object of tokens and their ids")
        if peek() == UInt8(ascii: "}") {
            position += 1
        } else {
            repeat {
                let token = try string()
                try expect(":", "':' after a token")
                entries.append((token, try integer(of: token)))
            } while try separator()
        }
        skipSpace()
        guard position == bytes.count else { throw notJSON("the file to end after its object") }
        return entries
    }

    /// Consumes the `,` or `}` after an entry; true for the comma.
    private mutating func separator() throws -> Bool {
        let found = peek()
        guard found == UInt8(ascii: ",") || found == UInt8(ascii: "}") else {
            throw notJSON("',' or '}' after an id")
        }
        position += 1
        return found == UInt8(ascii: ",")
    }

    private mutating func integer(of token: String) throws -> Int {
        _ = peek()
        let start = position
        while position < bytes.count, !Self.isSpace(bytes[position]), !Self.isPunctuation(bytes[position]) {
            position += 1
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        let digits = text.utf8.drop { $0 == UInt8(ascii: "-") }
        let isPlain = digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard isPlain, let id = Int(text), digits.first != UInt8(ascii: "0") || digits.count == 1 else {
            throw IOIError(
                "\(file): token \(token.debugDescription) has id \(text.debugDescription), expected an integer"
            )
        }
        return id
    }

    private static func isPunctuation(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "}")
    }

    private mutating func string() throws -> String {
        try expect("\"", "a token in quotes")
        var content: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let string = String(validating: content, as: UTF8.self) else {
                    throw notJSON("valid UTF-8 before this")
                }
                return string
            case UInt8(ascii: "\\"):
                position += 1
                content.append(contentsOf: UTF8.encode(try escape())!)
            case 0..<0x20:
                throw notJSON("control characters in tokens to be escaped")
            default:
                content.append(byte)
                position += 1
            }
        }
        throw notJSON("a token's closing quote")
    }

    /// The scalar that the escape after a backslash stands for.
    private mutating func escape() throws -> Unicode.Scalar {
        guard position < bytes.count else { throw notJSON("the rest of an escape") }
        let letter = bytes[position]
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default:
            position -= 1
            throw notJSON("an escape that JSON knows")
        }
    }

    private mutating func unicodeEscape() throws -> Unicode.Scalar {
        let unit = try hexadecimal()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        if UTF16.isLeadSurrogate(UInt16(unit)), bytes[position...].starts(with: #"\u"#.utf8) {
            position += 2
            let trail = try hexadecimal()
            if UTF16.isTrailSurrogate(UInt16(trail)) {
                return Unicode.Scalar(0x10000 + ((unit - 0xd800) << 10) + (trail - 0xdc00))!
            }
        }
        throw notJSON("surrogates in pairs before this")
    }

    private mutating func hexadecimal() throws -> UInt32 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, digits.first != UInt8(ascii: "+"), digits.first != UInt8(ascii: "-"),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw notJSON("four hexadecimal digits") }
        position += 4
        return value
    }

    private mutating func expect(_ character: Unicode.Scalar, _ what: String) throws {
        guard peek() == UInt8(ascii: character) else { throw notJSON(what) }
        position += 1
    }

    /// The next byte that is no white space, not consumed.
    private mutating func peek() -> UInt8? {
        skipSpace()
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func skipSpace() {
        while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }

    private func notJSON(_ expected: String) -> IOIError {
        let found = position < bytes.count ? "at byte \(position)" : "at its end"
        return IOIError("\(file): not a vocabulary in JSON, expected \(expected) \(found)")
    }
}
