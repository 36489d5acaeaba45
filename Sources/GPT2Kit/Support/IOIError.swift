/// A failure that a person can act on: one line that names the file, field or flag, what was found
/// there and what was expected.
public struct IOIError: Error, Equatable, CustomStringConvertible, Sendable {
    /// Whose mistake it was, which decides the exit code.
    public enum Kind: Sendable {
        /// The command line asks for something that cannot be (exit code 64).
        case usage
        /// A file, a model or the machine is not as it has to be (exit code 1).
        case failure
    }

    public let kind: Kind
    public let description: String

    public init(_ description: String, kind: Kind = .failure) {
        self.kind = kind
        self.description = description.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    /// A flag or argument with a value that cannot be used.
    public static func usage(_ description: String) -> IOIError {
        IOIError(description, kind: .usage)
    }
}
