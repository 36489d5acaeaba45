/// Splits text into the pieces within which BPE merges, as GPT-2's pattern does:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
///
/// Works on UTF-8 and yields ranges of bytes, which cover the text without gaps.
struct Pretokenizer: IteratorProtocol, Sequence {
    private let text: ArraySlice<UInt8>
    private var position: Int

    /// - Parameter text: valid UTF-8.
    init(_ text: ArraySlice<UInt8>) {
        self.text = text
        position = text.startIndex
    }

    mutating func next() -> Range<Int>? {
        guard position < text.endIndex else { return nil }
        let start = position
        position = endOfPiece(from: start)
        return start..<position
    }

    private func endOfPiece(from start: Int) -> Int {
        if let end = endOfContraction(from: start) { return end }
        let (first, afterFirst) = scalar(at: start)
        if first != .whitespace { return endOfRun(of: first, from: afterFirst) }
        if text[start] == UInt8(ascii: " "), afterFirst < text.endIndex {
            let (second, afterSecond) = scalar(at: afterFirst)
            if second != .whitespace { return endOfRun(of: second, from: afterSecond) }
        }
        return endOfWhitespace(from: start)
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d`, in lower case only.
    private func endOfContraction(from start: Int) -> Int? {
        guard text[start] == UInt8(ascii: "'"), start + 1 < text.endIndex else { return nil }
        let second: UInt8
        switch text[start + 1] {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"): second = UInt8(ascii: "e")
        case UInt8(ascii: "l"): second = UInt8(ascii: "l")
        default: return nil
        }
        return start + 2 < text.endIndex && text[start + 2] == second ? start + 3 : nil
    }

    private func endOfRun(of wanted: CharacterClass, from start: Int) -> Int {
        var end = start
        while end < text.endIndex {
            let (found, next) = scalar(at: end)
            if found != wanted { break }
            end = next
        }
        return end
    }

    /// `\s+(?!\S)|\s+`: the last of several whitespace characters before a word is left to the next piece.
    private func endOfWhitespace(from start: Int) -> Int {
        var last = start
        var end = start
        while end < text.endIndex {
            let (found, next) = scalar(at: end)
            if found != .whitespace { return last > start ? last : end }
            last = end
            end = next
        }
        return end
    }

    /// The class of the scalar at `index`, and the index of the next one.
    @inline(__always)
    private func scalar(at index: Int) -> (CharacterClass, next: Int) {
        let lead = text[index]
        if lead < 0x80 { return (Self.asciiClasses[Int(lead)], index + 1) }
        let length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
        var value = UInt32(lead) & (0x7f >> UInt32(length))
        for byte in text[index + 1..<index + length] { value = value << 6 | UInt32(byte & 0x3f) }
        return (CharacterClass(Unicode.Scalar(value)!), index + length)
    }

    private static let asciiClasses = (UInt8(0)..<0x80).map { CharacterClass(Unicode.Scalar($0)) }
}

/// The classes of the pattern: `\p{L}`, `\p{N}`, `\s` and everything else.
enum CharacterClass: Sendable {
    case letter, number, whitespace, other

    /// Letters and numbers are those of Unicode 16, as in Hugging Face's tokenizers, so that ids do not depend on the
    /// Unicode version of the Swift library.
    init(_ scalar: Unicode.Scalar) {
        let properties = scalar.properties
        let ofCategory: CharacterClass
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            ofCategory = .letter
        case .decimalNumber, .letterNumber, .otherNumber:
            ofCategory = .number
        default:
            self = properties.isWhitespace ? .whitespace : .other
            return
        }
        self = (properties.age?.major ?? 0) > 16 ? .other : ofCategory
    }
}

/// Splits a text at every occurrence of some tokens; the sections between are tokenized separately.
struct TextSections: IteratorProtocol, Sequence {
    struct Section {
        let range: Range<Int>
        /// The token that the section is; nil for text.
        let token: Int?
    }

    /// A token that a text is split at, and its text in UTF-8.
    typealias Marker = (text: [UInt8], token: Int)

    private let text: [UInt8]
    private let markers: [Marker]
    private var position = 0

    /// - Parameter markers: the tokens, of which the first in the list is taken where several begin.
    init(_ text: [UInt8], at markers: [Marker]) {
        self.text = text
        self.markers = markers
    }

    /// Tokens as markers, the longest first.
    static func markers(_ tokens: [(text: String, token: Int)]) -> [Marker] {
        tokens.map { (Array($0.text.utf8), $0.token) }.filter { !$0.0.isEmpty }
            .sorted { ($1.0.count, $0.1) < ($0.0.count, $1.1) }
    }

    mutating func next() -> Section? {
        guard position < text.count else { return nil }
        let start = position
        if let marker = marker(at: start) {
            position += marker.text.count
            return Section(range: start..<position, token: marker.token)
        }
        repeat { position += 1 } while position < text.count && marker(at: position) == nil
        return Section(range: start..<position, token: nil)
    }

    private func marker(at index: Int) -> Marker? {
        for marker in markers where text[index] == marker.text[0] && text[index...].starts(with: marker.text) {
            return marker
        }
        return nil
    }
}
