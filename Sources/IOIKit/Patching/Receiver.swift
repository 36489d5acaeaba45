import Foundation

/// What a path leads to: the logits at END, or the queries, keys or values of heads at a position.
public enum Receiver: Hashable, Sendable, TextCoded {
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
    public static let form =
        "\"logits\" or as in \"q:9.9,9.6@END\" (q, k or v; distinct heads; \(PositionSelection.choices))"

    /// The receivers of a file, one a line; blank lines and what follows a # are skipped.
    ///
    /// - Throws: `IOIError` naming the line that is no receiver.
    public static func list(contentsOf file: URL) throws -> [Receiver] {
        let text = String(decoding: try InputFile.read(file), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let receivers = try lines.enumerated().compactMap { index, line -> Receiver? in
            let spec = line.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces)
            guard !spec.isEmpty else { return nil }
            guard let receiver = Receiver(spec) else {
                throw IOIError("\(file.path) line \(index + 1): found \(spec.quoted), expected \(form)")
            }
            return receiver
        }
        guard !receivers.isEmpty else { throw IOIError("\(file.path): found no receiver, expected \(form)") }
        return receivers
    }

    /// Where the receiver takes in a prompt.
    var position: PositionSelection {
        switch self {
        case .logits: .one(.end)
        case .heads(_, _, let position): position
        }
    }
}
