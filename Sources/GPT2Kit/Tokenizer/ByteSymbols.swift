/// The 256 printable characters that represent bytes in `vocab.json` and `merges.txt` of a byte-level BPE tokenizer
/// (Radford et al. 2019).
///
/// Printable bytes of Latin-1 represent themselves; the other 68 become the characters from U+0100, in order, so that a
/// space is written `Ġ` and a line feed `Ċ`.
enum ByteSymbols {
    /// The bytes in the order of GPT-2's first 256 tokens: printable ones first.
    static let bytes: [UInt8] = (0...255).filter(isPrintable) + (0...255).filter { !isPrintable($0) }

    /// The symbol of each byte.
    static let symbols: [Unicode.Scalar] = {
        var symbols = [Unicode.Scalar](repeating: "\0", count: 256)
        var next: UInt32 = 0x100
        for byte in UInt8.min...UInt8.max {
            if isPrintable(byte) {
                symbols[Int(byte)] = Unicode.Scalar(byte)
            } else {
                symbols[Int(byte)] = Unicode.Scalar(next)!
                next += 1
            }
        }
        return symbols
    }()

    private static let byteOfSymbol: [UInt8?] = {
        var table = [UInt8?](repeating: nil, count: 0x144)
        for (byte, symbol) in symbols.enumerated() { table[Int(symbol.value)] = UInt8(byte) }
        return table
    }()

    /// The byte of a symbol; nil for a character that is not one of the 256.
    static func byte(for symbol: Unicode.Scalar) -> UInt8? {
        symbol.value < byteOfSymbol.count ? byteOfSymbol[Int(symbol.value)] : nil
    }

    /// The bytes of a token in the vocabulary.
    ///
    /// As in Hugging Face's decoder, a token with a character that is not a byte symbol (an added token) decodes to its
    /// own UTF-8.
    static func bytes(for token: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(token.utf8.count)
        for symbol in token.unicodeScalars {
            guard let byte = byte(for: symbol) else { return Array(token.utf8) }
            bytes.append(byte)
        }
        return bytes
    }

    private static func isPrintable(_ byte: UInt8) -> Bool {
        (0x21...0x7e).contains(byte) || (0xa1...0xac).contains(byte) || byte >= 0xae
    }
}
