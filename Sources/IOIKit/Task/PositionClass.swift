/// A position that means the same in every prompt of the task.
public enum PositionClass: String, CaseIterable, Codable, Sendable {
    /// The indirect object's name.
    case io = "IO"
    /// The subject's name where it stands first.
    case s1 = "S1"
    /// The token after ``s1``.
    case s1Next = "S1+1"
    /// The subject's name where it stands again.
    case s2 = "S2"
    /// The prompt's last token, where the answer is predicted.
    case end = "END"
}
