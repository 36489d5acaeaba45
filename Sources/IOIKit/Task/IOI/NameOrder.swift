/// Which of the two people is named first.
public enum NameOrder: String, CaseIterable, Codable, Sendable {
    /// The indirect object first: IO, S … S.
    case abba = "ABBA"
    /// The subject first: S, IO … S.
    case baba = "BABA"
}
