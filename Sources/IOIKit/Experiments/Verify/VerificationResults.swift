/// The results of a ``Verification``.
public struct VerificationResults: Encodable, Sendable {
    /// One results file.
    public struct File: Encodable, Sendable {
        /// As the caller named it.
        public let file: String
        public let command: String
        public let groups: [FigureComparison.Group]
        /// Differences other than in figures, such as the number of threads.
        public let notes: [String]
        public let seconds: Double

        /// The number of figures compared.
        public var compared: Int { groups.reduce(0) { $0 + $1.compared } }
        public var moved: [FigureComparison.Move] { groups.flatMap(\.moved) }

        enum CodingKeys: CodingKey {
            case file, command, compared, moved, notes, seconds
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(file, forKey: .file)
            try container.encode(command, forKey: .command)
            try container.encode(compared, forKey: .compared)
            try container.encode(moved, forKey: .moved)
            try container.encode(notes, forKey: .notes)
            try container.encode(seconds, forKey: .seconds)
        }
    }

    public let files: [File]
    /// Whether no figure moved.
    public var passed: Bool { files.allSatisfy(\.moved.isEmpty) }

    public init(_ files: [File]) { self.files = files }

    enum CodingKeys: CodingKey {
        case passed, files
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(passed, forKey: .passed)
        try container.encode(files, forKey: .files)
    }
}
