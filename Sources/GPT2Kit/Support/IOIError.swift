/// A failure that a person can act on, in one line: the file or field, what was found there, what was expected.
public struct IOIError: Error, Equatable, CustomStringConvertible, Sendable {
    /// Whose mistake it was.
    public enum Kind: Sendable {
        /// The caller asks for something that cannot be done.
        case usage
        /// A file, a model or the machine is not as it has to be.
        case failure
    }

    public let kind: Kind
    /// The option that is wrong, by its name in results files, such as `random_sets`; nil where it is none.
    public let field: String?
    /// What is wrong, without the field.
    public let problem: String

    /// The field, where there is one, and the problem.
    public var description: String { field.map { "\($0): \(problem)" } ?? problem }

    public init(_ problem: String, kind: Kind = .failure) {
        self.init(field: nil, problem, kind: kind)
    }

    private init(field: String?, _ problem: String, kind: Kind) {
        self.kind = kind
        self.field = field
        self.problem = problem.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    /// An option whose value cannot be used.
    ///
    /// - Parameters:
    ///   - field: its name in results files.
    ///   - problem: what was found and what was expected.
    public static func invalid(_ field: String, _ problem: String) -> IOIError {
        IOIError(field: field, problem, kind: .usage)
    }

    /// Options that do not go together, or that ask for something that cannot be done.
    public static func usage(_ problem: String) -> IOIError {
        IOIError(problem, kind: .usage)
    }
}

extension IOIError {
    /// - Throws: ``IOIError`` of the field where a value lies outside its bounds.
    package static func check<Value: Comparable>(
        _ field: String,
        _ value: Value,
        in bounds: ClosedRange<Value>
    ) throws {
        guard bounds.contains(value) else {
            throw invalid(field, "found \(value), expected \(bounds.lowerBound) to \(bounds.upperBound)")
        }
    }
}
