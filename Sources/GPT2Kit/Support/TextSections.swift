/// Splits a text at every `<|endoftext|>` in it; what stands between is tokenized on its own.
struct TextSections: IteratorProtocol, Sequence {
    struct Section {
        let range: Range<Int>
        let isEndOfText: Bool
    }

    private static let marker = Array(BPETokenizer.endOfTextToken.utf8)

    private let text: [UInt8]
    private let splits: Bool
    private var position = 0

    /// - Parameter splitAtEndOfText: false for a vocabulary without the token, which makes the text one section.
    init(_ text: [UInt8], splitAtEndOfText: Bool) {
        self.text = text
        splits = splitAtEndOfText
    }

    mutating func next() -> Section? {
        guard position < text.count else { return nil }
        let start = position
        if isMarker(at: start) {
            position += Self.marker.count
            return Section(range: start..<position, isEndOfText: true)
        }
        repeat { position += 1 } while position < text.count && !isMarker(at: position)
        return Section(range: start..<position, isEndOfText: false)
    }

    private func isMarker(at index: Int) -> Bool {
        splits && text[index] == Self.marker[0] && text[index...].starts(with: Self.marker)
    }
}
