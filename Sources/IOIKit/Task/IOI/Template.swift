/// A sentence with slots, in the order BABA: `[S]`, `[IO]`, `[S]`, and anywhere one `[PLACE]` and one
/// `[OBJECT]`.
///
/// The sentence ends right before the answer. The other order, ABBA, is made by exchanging the first `[S]`
/// and `[IO]`.
public struct Template: Equatable, Sendable {
    enum Slot: String, CaseIterable {
        case s = "S"
        case io = "IO"
        case place = "PLACE"
        case object = "OBJECT"
    }

    public let name: String
    public let text: String
    /// The text between the slots, one piece more than slots, each without the space before the slot it
    /// precedes.
    let pieces: [String]
    let slots: [Slot]

    /// - Parameter source: the file it stands in, for messages.
    /// - Throws: ``IOIError`` for a slot that is missing, too many, unknown, out of order or not after a
    ///   space, and for a text that ends in white space.
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
                throw fault("slot [\(slot.rawValue)] stands \(found) times, expected \(expected)")
            }
        }
        guard slots.filter({ $0 == .s || $0 == .io }) == [.s, .io, .s] else {
            throw fault("names stand in another order; expected [S], then [IO], then [S] (order BABA)")
        }
        if let last = text.last, last.isWhitespace {
            throw fault("text ends in white space; expected an end right before the answer's own space")
        }
        self.name = name
        self.text = text
        self.pieces = pieces
        self.slots = slots
    }

    /// The slots in one of the two orders.
    func slots(in order: NameOrder) -> [Slot] {
        guard order == .abba, let s1 = slots.firstIndex(of: .s), let io = slots.firstIndex(of: .io) else {
            return slots
        }
        var exchanged = slots
        exchanged.swapAt(s1, io)
        return exchanged
    }

    /// The sentence with its slots filled by words without their leading space.
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
