import Foundation

/// All shards of an experiment, from which its results are computed as if one process had measured all prompts.
public struct ShardMerge: Sendable {
    /// In order.
    private let shards: [Shard]
    private let json: Data
    private let file: String

    private var first: Shard { shards[0] }

    /// The experiment's name.
    public var experiment: String { first.experiment }
    public var count: Int { shards.count }
    /// Whether the results hold the figures of each prompt.
    public var perPrompt: Bool { first.perPrompt }
    /// What the shards took together.
    public var seconds: Double { shards.reduce(0) { $0 + $1.seconds } }
    public var environment: EnvironmentRecord { first.environment }
    /// Whether some shards were measured with another library of matrix products, so that figures agree to rounding with
    /// those of one process.
    public var mixesLibraries: Bool { shards.contains { $0.environment.blas != first.environment.blas } }

    private struct WithOptions<Options: Decodable>: Decodable {
        let options: Options
    }

    /// - Parameter files: of all shards, in any order.
    /// - Throws: `IOIError` that names the file if one is no shard, or is of another experiment, model or prompts, or of
    ///   a shard that another file has too; or that names the shards that are missing.
    public init(_ files: [String]) throws {
        var found: [(file: String, shard: Shard)] = []
        for file in files {
            let json = try InputFile.read(URL(fileURLWithPath: file), limit: .max)
            let heading = try ResultsHeading(json, path: file)
            guard heading.command == Shard.command else {
                throw IOIError("\(file): command: found \(heading.command.quoted), expected a shard")
            }
            let shard = try InputFile.decode(Shard.self, from: json, path: file)
            if let first = found.first {
                try Self.compare(shard, file, first.shard, first.file)
                if let other = found.first(where: { $0.shard.part == shard.part }) {
                    throw IOIError("\(file): holds shard \(shard.part), which \(other.file) holds too")
                }
            }
            found.append((file, shard))
        }
        guard let first = found.first else { throw IOIError.usage("found no files, expected those of all shards") }
        let count = first.shard.part.count
        let missing = Set(1...count).subtracting(found.map(\.shard.part.index)).sorted()
        guard missing.isEmpty else {
            let names = missing.prefix(10).map { "\($0)/\(count)" }.joined(separator: ", ")
            throw IOIError(
                "found \(found.count) of \(count) shards of \(first.shard.experiment), expected all; missing: \(names)"
                    + (missing.count > 10 ? ", …" : ""), kind: .usage)
        }
        found.sort { $0.shard.part.index < $1.shard.part.index }
        shards = found.map(\.shard)
        file = found[0].file
        json = try InputFile.read(URL(fileURLWithPath: file), limit: .max)
    }

    /// - Throws: `IOIError` that names what differs.
    private static func compare(_ shard: Shard, _ file: String, _ first: Shard, _ other: String) throws {
        func fail(_ field: String, _ found: String, _ expected: String) -> IOIError {
            IOIError("\(file): \(field): found \(found), expected \(expected) as in \(other)")
        }
        guard shard.experiment == first.experiment else {
            throw fail("experiment", shard.experiment.quoted, first.experiment.quoted)
        }
        guard shard.part.count == first.part.count else {
            throw fail("shard", "\(shard.part)", "one of \(first.part.count)")
        }
        if shard.options != first.options {
            var options = FigureComparison(tolerance: .init(absolute: 0, relative: 0))
            options.compare(first.options, shard.options, at: "options")
            let move = options.groups.flatMap(\.moved).first
            throw fail(
                move?.path ?? "options", move?.found?.description ?? "others",
                move?.recorded?.description ?? "the same")
        }
        for (field, own, others) in [
            ("model", shard.model.sha256, first.model.sha256), ("donor", shard.donor?.sha256, first.donor?.sha256),
            ("dataset", shard.dataset?.sha256, first.dataset?.sha256),
            ("environment.version", shard.environment.version, first.environment.version),
            ("environment.precision", shard.environment.precision.rawValue, first.environment.precision.rawValue),
        ] where own != others {
            throw fail(
                field, own.map { String($0.prefix(12)) } ?? "none", others.map { String($0.prefix(12)) } ?? "none")
        }
        guard shard.circuit == first.circuit else { throw fail("circuit", "another", "the same circuit") }
        guard shard.perPrompt == first.perPrompt else {
            throw fail("per_prompt", "\(shard.perPrompt)", "\(first.perPrompt)")
        }
    }

    /// Where the models are.
    ///
    /// - Throws: `IOIError` that names the recorded folder.
    public func locations() throws -> (model: ModelLocation, donor: ModelLocation?) {
        let folder = URL(fileURLWithPath: file).standardizedFileURL.deletingLastPathComponent()
        return (
            try first.model.location("model", in: file, at: folder),
            try first.donor?.location("donor", in: file, at: folder)
        )
    }

    /// The experiment's options.
    ///
    /// - Throws: `IOIError` that names the file and the option.
    public func options<Kind: Experiment>(_ kind: Kind.Type) throws -> Kind {
        let experiment = try InputFile.decode(WithOptions<Kind>.self, from: json, path: file).options
        do {
            try experiment.validate()
        } catch let error as IOIError {
            throw IOIError("\(file): \(error.field == nil ? "" : "options.")\(error)")
        }
        return experiment
    }

    /// The results of the experiment.
    ///
    /// - Parameters:
    ///   - experiment: ``options(_:)``.
    ///   - subject: the models and prompts, which must be those of the shards.
    ///   - settings: threads and memory.
    /// - Throws: `IOIError` if the models, the prompts or the circuit have changed; errors from the experiment.
    public func results<Kind: Experiment>(
        of experiment: Kind,
        on subject: Subject,
        _ settings: RunSettings
    ) throws -> Kind.Results {
        for (field, found, recorded) in [
            ("model", try subject.model.sha256(), first.model.sha256),
            ("donor", try subject.donor?.sha256(), first.donor?.sha256),
            ("prompts", subject.dataset.map { DatasetRecord($0).sha256 }, first.dataset?.sha256),
        ] where found != recorded {
            throw IOIError(
                "\(file): \(field): found \(found.map { String($0.prefix(12)) } ?? "none"), expected "
                    + "\(recorded.map { String($0.prefix(12)) } ?? "none"), which the shards measured")
        }
        guard subject.circuit == first.circuit else {
            throw IOIError("\(file): circuit: found another, expected the one that the shards measured")
        }
        var settings = settings
        settings.ranks = .merging(shards.map(\.findings))
        let partial = try PartialResults(besides: nil, ranks: settings.ranks, deciding: [])
        return try experiment.run(on: subject, Work(settings, partial: partial, perPrompt: perPrompt))
    }
}
