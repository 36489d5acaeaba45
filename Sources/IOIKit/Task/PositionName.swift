/// The name of a position that plays the same role in every prompt of a task, such as `END` or `YEAR`. Prompts bring
/// their own names.
public struct PositionName: Hashable, Sendable {
    public let text: String

    /// nil if a command or a file could not tell it from other words: if it is empty, `all`, or has whitespace or one of
    /// `@`, `,`, `:` and `/`.
    public init?(_ text: String) {
        guard !text.isEmpty, text.lowercased() != "all",
            !text.contains(where: { $0.isWhitespace || "@,:/".contains($0) })
        else {
            return nil
        }
        self.text = text
    }

    private init(known text: String) { self.text = text }

    /// The last token, where the answer is predicted. Every prompt has it.
    public static let end = PositionName(known: "END")
}

extension PositionName: TextCoded {
    package static var form: String { "a position's name, without whitespace, @, comma, colon and slash" }

    public var description: String { text }
}

// The names of IOI prompts.
extension PositionName {
    /// The indirect object.
    public static let io = PositionName(known: "IO")
    /// The first occurrence of the subject.
    public static let s1 = PositionName(known: "S1")
    /// The token after ``s1``.
    public static let s1Next = PositionName(known: "S1+1")
    /// The second occurrence of the subject.
    public static let s2 = PositionName(known: "S2")

    /// All positions of IOI prompts, in the order of their files.
    public static let ioi: [PositionName] = [.io, .s1, .s1Next, .s2, .end]
}
