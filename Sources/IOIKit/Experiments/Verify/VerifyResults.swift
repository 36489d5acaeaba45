/// What `ioi verify` found.
public struct VerifyResults: Encodable, Sendable {
    /// One results file.
    public struct File: Encodable, Sendable {
        /// As the user named it.
        public let file: String
        public let command: String
        public let groups: [FigureComparison.Group]
        /// What is another than recorded and is no figure, in words.
        public let notes: [String]
        public let seconds: Double

        /// How many figures were compared.
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

extension FigureComparison.Move: Encodable {
    enum CodingKeys: CodingKey {
        case path, recorded, found, difference, tolerance
    }

    // What there is not is left out; null is a value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(path, forKey: .path)
        try container.encodeIfPresent(recorded, forKey: .recorded)
        try container.encodeIfPresent(found, forKey: .found)
        try container.encodeIfPresent(difference, forKey: .difference)
        try container.encode(tolerance, forKey: .tolerance)
    }
}
