import Foundation

/// Finds in JSON what decoders pass over or cannot survive: a key that one object has twice, of which they take either,
/// and nesting so deep that they run out of stack.
///
/// It is one pass over the bytes. Where the text is not JSON it stops, because the decoder says what is wrong.
struct JSONScanner {
    /// The most lists and objects inside each other; files of this project have about ten.
    static let depth = 100

    /// A key without its escapes, by its bytes.
    private struct Key: Hashable {
        let bytes: UnsafeRawBufferPointer

        static func == (a: Key, b: Key) -> Bool {
            a.bytes.count == b.bytes.count
                && (a.bytes.isEmpty || memcmp(a.bytes.baseAddress!, b.bytes.baseAddress!, a.bytes.count) == 0)
        }

        func hash(into hasher: inout Hasher) { hasher.combine(bytes: bytes) }
    }

    /// A list or an object that is not closed yet.
    private struct Level {
        let isObject: Bool
        /// Whether the next string is a key.
        var expectsKey: Bool
        /// The keys so far.
        var keys: [Key] = []
        /// The same, once they are many.
        var many: Set<Key> = []
        /// The place in a list.
        var index = 0

        /// - Returns: whether the key is new.
        mutating func insert(_ key: Key) -> Bool {
            if keys.count < 16 {
                let isNew = !keys.contains(key)
                keys.append(key)
                return isNew
            }
            if many.isEmpty { many = Set(keys) }
            keys[keys.count - 1] = key
            return many.insert(key).inserted
        }
    }

    private let source: UnsafeRawBufferPointer
    /// Room for keys whose escapes are replaced; none is longer than it was.
    private var room: UnsafeMutableRawBufferPointer?
    private var used = 0
    private var levels: [Level] = []
    private var place = 0

    private init(_ source: UnsafeRawBufferPointer) { self.source = source }

    /// - Throws: ``IOIError`` that names the key or the depth.
    static func check(_ json: Data) throws {
        try json.withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            defer { scanner.room?.deallocate() }
            try scanner.scan()
        }
    }

    private mutating func scan() throws {
        while place < source.count {
            let byte = source[place]
            place += 1
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard levels.count < Self.depth else {
                    throw IOIError("found more than \(Self.depth) lists and objects inside each other, expected fewer")
                }
                let isObject = byte == UInt8(ascii: "{")
                levels.append(Level(isObject: isObject, expectsKey: isObject))
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard levels.popLast() != nil else { return }
            case UInt8(ascii: ","):
                guard !levels.isEmpty else { return }
                levels[levels.count - 1].expectsKey = levels[levels.count - 1].isObject
                levels[levels.count - 1].index += 1
            case UInt8(ascii: "\""):
                guard let text = string() else { return }
                let last = levels.count - 1
                guard last >= 0, levels[last].expectsKey else { continue }
                levels[last].expectsKey = false
                guard let key = text.hasEscapes ? unescaped(text.range) : Key(bytes: slice(text.range)) else { return }
                guard levels[last].insert(key) else {
                    throw IOIError("\(path)found the key \(name(of: key).quoted) twice, expected it once")
                }
            default: break
            }
        }
    }

    private func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: source[range])
    }

    private func name(of key: Key) -> String { String(decoding: key.bytes, as: UTF8.self) }

    /// The way to the innermost object, such as `stages[1]: `.
    private var path: String {
        var path = ""
        for level in levels.dropLast() {
            if !level.isObject {
                path += "[\(level.index)]"
            } else if let key = level.keys.last {
                path += (path.isEmpty ? "" : ".") + name(of: key)
            }
        }
        return path.isEmpty ? "" : "\(path.quoted.dropFirst().dropLast()): "
    }

    /// Passes over a string whose opening quote was read.
    ///
    /// - Returns: nil if it does not end.
    private mutating func string() -> (range: Range<Int>, hasEscapes: Bool)? {
        let start = place
        var hasEscapes = false
        while place < source.count {
            switch source[place] {
            case UInt8(ascii: "\""):
                place += 1
                return (start..<place - 1, hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                place += 2
            default: place += 1
            }
        }
        return nil
    }

    /// - Returns: nil for escapes that JSON does not have.
    private mutating func unescaped(_ range: Range<Int>) -> Key? {
        if room == nil { room = .allocate(byteCount: source.count, alignment: 1) }
        let room = room!
        let start = used
        func add(_ byte: UInt8, _ used: inout Int) {
            room[used] = byte
            used += 1
        }
        var place = range.lowerBound
        while place < range.upperBound {
            let byte = source[place]
            guard byte == UInt8(ascii: "\\") else {
                add(byte, &used)
                place += 1
                continue
            }
            guard let (scalar, length) = escape(at: place, before: range.upperBound) else { return nil }
            for unit in UTF8.encode(scalar)! { add(unit, &used) }
            place += length
        }
        return Key(bytes: UnsafeRawBufferPointer(rebasing: room[start..<used]))
    }

    /// The character that an escape stands for, and the number of bytes of the escape.
    private func escape(at place: Int, before end: Int) -> (Unicode.Scalar, Int)? {
        guard place + 1 < end else { return nil }
        switch source[place + 1] {
        case UInt8(ascii: "\""): return ("\"", 2)
        case UInt8(ascii: "\\"): return ("\\", 2)
        case UInt8(ascii: "/"): return ("/", 2)
        case UInt8(ascii: "b"): return ("\u{8}", 2)
        case UInt8(ascii: "f"): return ("\u{C}", 2)
        case UInt8(ascii: "n"): return ("\n", 2)
        case UInt8(ascii: "r"): return ("\r", 2)
        case UInt8(ascii: "t"): return ("\t", 2)
        case UInt8(ascii: "u"):
            guard let unit = unit(at: place + 2, before: end) else { return nil }
            if let scalar = Unicode.Scalar(unit) { return (scalar, 6) }
            // Half of a character outside the basic plane; the other half has to follow.
            guard unit < 0xDC00, place + 7 < end, source[place + 6] == UInt8(ascii: "\\"),
                source[place + 7] == UInt8(ascii: "u"), let low = self.unit(at: place + 8, before: end),
                0xDC00...0xDFFF ~= low
            else { return nil }
            return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)).map { ($0, 12) }
        default: return nil
        }
    }

    /// The number that four hexadecimal digits are.
    private func unit(at place: Int, before end: Int) -> UInt32? {
        guard place + 4 <= end else { return nil }
        var unit: UInt32 = 0
        for byte in source[place..<place + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            unit = unit << 4 + UInt32(digit)
        }
        return unit
    }
}
