/// A template in tokens: the text between its slots is tokenized once, and each slot takes one token.
struct TokenizedTemplate: Sendable {
    private let template: Template
    private let pieces: [[Int]]

    var name: String { template.name }

    /// The number of tokens of every prompt of this template, without a beginning-of-text token.
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
            io: indirectObject,
            s1: subjects[0],
            s1Next: subjects[0] + 1,
            s2: subjects[1],
            end: tokens.count - 1
        )
        return (tokens, positions)
    }
}
