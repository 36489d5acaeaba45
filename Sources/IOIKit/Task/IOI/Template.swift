/// A sentence with slots in BABA order: `[S]`, `[IO]`, `[S]`, and one `[PLACE]` and one `[OBJECT]` anywhere.
///
/// The sentence ends before the answer. Swapping the first `[S]` and `[IO]` gives ABBA order.
public struct Template: Equatable, Sendable {
    enum Slot: String, CaseIterable {
        case s = "S"
        case io = "IO"
        case place = "PLACE"
        case object = "OBJECT"
    }

    public let name: String
    public let text: String
    /// The text around the slots: one piece more than slots, each without the space before the next slot.
    let pieces: [String]
    let slots: [Slot]

    /// - Parameters:
    ///   - source: the file, for error messages.
    ///   - text: the text.
    ///   - name: its name.
    /// - Throws: `IOIError` if a slot is missing, repeated, unknown, out of order or not after a space, or the text ends
    ///   in whitespace.
    public init(name: String, text: String, source: String) throws {
        func fault(_ problem: String) -> IOIError {
            IOIError("\(source): template \"\(name)\": \(problem)")
        }
        var pieces: [String] = []
        var slots: [Slot] = []
        var rest = text[...]
        var piece = ""
        while let open = rest.firstIndex(of: "[") {
            piece += rest[..<open]
            rest = rest[open...]
            guard let close = rest.firstIndex(of: "]"),
                let slot = Slot(rawValue: String(rest[rest.index(after: open)..<close]))
            else {
                let found = rest.prefix(while: { !$0.isWhitespace })
                throw fault("found \(found), expected [S], [IO], [PLACE] or [OBJECT]")
            }
            guard piece.last == " " else {
                throw fault("[\(slot.rawValue)] is not preceded by a space; expected \" [\(slot.rawValue)]\"")
            }
            pieces.append(String(piece.dropLast()))
            slots.append(slot)
            piece = ""
            rest = rest[rest.index(after: close)...]
        }
        pieces.append(piece + rest)
        for slot in Slot.allCases {
            let found = slots.count { $0 == slot }
            let expected = slot == .s ? 2 : 1
            guard found == expected else {
                throw fault("found slot [\(slot.rawValue)] \(found) times, expected \(expected)")
            }
        }
        guard slots.filter({ $0 == .s || $0 == .io }) == [.s, .io, .s] else {
            throw fault("found the names in another order, expected [S], then [IO], then [S] (BABA)")
        }
        if let last = text.last, last.isWhitespace {
            throw fault("text ends in whitespace, expected it to end before the space of the answer")
        }
        self.name = name
        self.text = text
        self.pieces = pieces
        self.slots = slots
    }

    func slots(in order: NameOrder) -> [Slot] {
        guard order == .abba, let s1 = slots.firstIndex(of: .s), let io = slots.firstIndex(of: .io) else {
            return slots
        }
        var exchanged = slots
        exchanged.swapAt(s1, io)
        return exchanged
    }

    /// The sentence with its slots filled by words, given without leading spaces.
    func filled(order: NameOrder, io: String, s: String, place: String, object: String) -> String {
        var text = pieces[0]
        for (slot, piece) in zip(slots(in: order), pieces.dropFirst()) {
            let word =
                switch slot {
                case .s: s
                case .io: io
                case .place: place
                case .object: object
                }
            text += " " + word + piece
        }
        return text
    }
}

/// A template in tokens: the text around the slots is tokenized once, and each slot is one token.
struct TokenizedTemplate: Sendable {
    private let template: Template
    private let pieces: [[Int]]

    var name: String { template.name }

    /// The length of the template's prompts in tokens, without a beginning-of-text token.
    var length: Int { pieces.reduce(pieces.count - 1) { $0 + $1.count } }

    init(_ template: Template, tokenizer: BPETokenizer) {
        self.template = template
        pieces = template.pieces.map { tokenizer.encode($0) }
    }

    func filled(
        order: NameOrder,
        io: Int,
        s: Int,
        place: Int,
        object: Int
    ) -> (tokens: [Int], positions: Positions) {
        var tokens = pieces[0]
        tokens.reserveCapacity(length + 1)
        var subjects: [Int] = []
        var indirectObject = 0
        for (slot, piece) in zip(template.slots(in: order), pieces.dropFirst()) {
            switch slot {
            case .s:
                subjects.append(tokens.count)
                tokens.append(s)
            case .io:
                indirectObject = tokens.count
                tokens.append(io)
            case .place: tokens.append(place)
            case .object: tokens.append(object)
            }
            tokens += piece
        }
        let positions = Positions(
            io: indirectObject, s1: subjects[0], s1Next: subjects[0] + 1, s2: subjects[1], end: tokens.count - 1
        )
        return (tokens, positions)
    }
}
