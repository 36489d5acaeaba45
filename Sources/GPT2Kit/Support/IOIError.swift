/// A failure described in one line of at most ``longest`` characters: the file or field, what was found and what was
/// expected. Control characters of the text, which may come from a file, are escaped.
public struct IOIError: Error, Equatable, CustomStringConvertible, Sendable {
    public enum Kind: Sendable {
        /// The caller asked for something that cannot be done.
        case usage
        /// Something is wrong with a file, a model or the machine.
        case failure
        /// More memory is needed than there is.
        case memory
    }

    public let kind: Kind
    /// The invalid option by its name in results files, such as `random_sets`; nil if the error is not about one.
    public let field: String?
    /// The message without the field.
    public let problem: String

    /// The most characters of a description; longer ones lose their middle.
    public static let longest = 390

    /// The field, if any, and the problem.
    public var description: String { field.map { "\($0): \(problem)" } ?? problem }

    public init(_ problem: String, kind: Kind = .failure) {
        self.init(field: nil, problem, kind: kind)
    }

    private init(field: String?, _ problem: String, kind: Kind) {
        self.kind = kind
        self.field = field?.shortened(to: 100).visible
        let line = problem.split(whereSeparator: \.isNewline).joined(separator: " ")
        // Shortened before, too: escaping a text of many MB would take long.
        let room = Self.longest - (self.field.map { $0.count + 2 } ?? 0)
        self.problem = line.shortened(to: room).visible.shortened(to: room)
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
