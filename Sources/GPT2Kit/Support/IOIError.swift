/// A failure described in one line: the file or field, what was found and what was expected.
public struct IOIError: Error, Equatable, CustomStringConvertible, Sendable {
    public enum Kind: Sendable {
        /// The caller asked for something that cannot be done.
        case usage
        /// Something is wrong with a file, a model or the machine.
        case failure
    }

    public let kind: Kind
    /// The invalid option by its name in results files, such as `random_sets`; nil if the error is not about one.
    public let field: String?
    /// The message without the field.
    public let problem: String

    /// The field, if any, and the problem.
    public var description: String { field.map { "\($0): \(problem)" } ?? problem }

    public init(_ problem: String, kind: Kind = .failure) {
        self.init(field: nil, problem, kind: kind)
    }

    private init(field: String?, _ problem: String, kind: Kind) {
        self.kind = kind
        self.field = field
        self.problem = problem.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    /// An option with an invalid value.
    ///
    /// - Parameters:
    ///   - field: its name in results files.
    ///   - problem: what was found and what was expected.
    public static func invalid(_ field: String, _ problem: String) -> IOIError {
        IOIError(field: field, problem, kind: .usage)
    }

    /// Options that conflict, or a request that cannot be met.
    public static func usage(_ problem: String) -> IOIError {
        IOIError(problem, kind: .usage)
    }
}

extension IOIError {
    /// - Throws: ``IOIError/invalid(_:_:)`` if `value` is outside `bounds`.
    package static func check<Value: Comparable>(
        _ field: String,
        _ value: Value,
        in bounds: ClosedRange<Value>
    ) throws {
        guard bounds.contains(value) else {
            throw invalid(field, "found \(value), expected \(bounds.lowerBound) to \(bounds.upperBound)")
        }
    }

    /// Checks a part of some options.
    ///
    /// - Parameter part: the part's name, which an error puts before its field.
    /// - Throws: what `body` throws, with the part's name.
    package static func scoped(_ part: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as IOIError {
            guard let field = error.field else { throw error }
            throw invalid("\(part).\(field)", error.problem)
        }
    }
}
