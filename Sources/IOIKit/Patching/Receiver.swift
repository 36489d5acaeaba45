/// What a path leads to: the logits at END, or the queries, keys or values of heads at a position.
public enum Receiver: Hashable, Sendable, LosslessStringConvertible {
    /// The final residual stream at END.
    case logits
    /// - Parameter input: q, k or v.
    case heads(input: Site, heads: [Head], position: PositionSelection)

    /// `logits`, or as in `q:9.9,9.6@END`.
    public init?(_ text: String) {
        if text == "logits" {
            self = .logits
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let input = Site(rawValue: String(parts[0])), [.q, .k, .v].contains(input) else {
            return nil
        }
        let places = parts[1].split(separator: "@", omittingEmptySubsequences: false)
        guard places.count == 2, let position = PositionSelection(String(places[1])) else { return nil }
        let heads = places[0].split(separator: ",", omittingEmptySubsequences: false).map { Head(String($0)) }
        guard !heads.contains(nil), Set(heads).count == heads.count else { return nil }
        self = .heads(input: input, heads: heads.compactMap { $0 }, position: position)
    }

    public var description: String {
        switch self {
        case .logits: "logits"
        case .heads(let input, let heads, let position):
            "\(input.rawValue):\(heads.map(\.description).joined(separator: ","))@\(position)"
        }
    }

    /// How a receiver is written, for a user who wrote something else.
    public static let form = "\"logits\" or as in \"q:9.9,9.6@END\" (q, k or v; distinct heads; \(PositionSelection.choices))"

    /// Where the receiver takes in a prompt.
    var position: PositionSelection {
        switch self {
        case .logits: .one(.end)
        case .heads(_, _, let position): position
        }
    }
}
