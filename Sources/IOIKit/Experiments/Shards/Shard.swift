import Foundation

/// A file with what one of several processes found out about its share of an experiment's prompts. ``ShardMerge`` puts
/// all shards of an experiment together.
public struct Shard: Codable, Sendable {
    /// One of several parts.
    public struct Part: Codable, Equatable, Sendable, TextCoded {
        /// From 1.
        public let index: Int
        public let count: Int

        /// - Throws: `IOIError` for `shard` if there are no such shards.
        public init(index: Int, count: Int) throws {
            try IOIError.check("shard", count, in: 1...Self.most)
            try IOIError.check("shard", index, in: 1...count)
            (self.index, self.count) = (index, count)
        }

        private static let most = 10_000

        /// Parses `3/8`.
        public init?(_ text: String) {
            let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
            guard numbers.count == 2, let index = numbers[0], let count = numbers[1],
                let part = try? Part(index: index, count: count)
            else { return nil }
            self = part
        }

        public var description: String { "\(index)/\(count)" }

        package static var form: String { "a shard such as 3/8" }
    }

    static let command = "shard"

    public private(set) var schema = "ioi/1"
    public private(set) var command = Self.command
    /// The experiment's name.
    public let experiment: String
    public let part: Part
    let options: JSONValue
    let model: ModelRecord
    let donor: ModelRecord?
    let dataset: DatasetRecord?
    /// The circuit that an option names, whose file may change.
    let circuit: Circuit?
    let perPrompt: Bool
    let environment: EnvironmentRecord
    let seconds: Double
    let findings: ShardFindings

    enum CodingKeys: String, CodingKey {
        case schema, command, experiment
        case part = "shard"
        case options, model, donor, dataset, circuit
        case perPrompt = "per_prompt"
        case environment, seconds, findings
    }

    /// Measures a shard.
    ///
    /// - Parameters:
    ///   - part: which.
    ///   - experiment: complete for the subject.
    ///   - subject: the models and all prompts.
    ///   - work: how it is carried out. Its ranks are those of the shard.
    ///   - findings: which the ranks keep.
    /// - Throws: as the experiment.
    public init<Kind: Experiment>(
        _ part: Part,
        of experiment: Kind,
        on subject: Subject,
        _ work: Work,
        findings: ShardFindings
    ) throws {
        let started = ContinuousClock.now
        _ = try experiment.run(on: subject, work)
        self.experiment = Kind.name
        self.part = part
        options = try JSONValue(experiment)
        model = try ModelRecord(subject.model)
        donor = try subject.donor.map(ModelRecord.init)
        dataset = subject.dataset.map { DatasetRecord($0) }
        circuit = subject.circuit
        perPrompt = work.perPrompt
        environment = EnvironmentRecord(workers: work.workers)
        seconds = (ContinuousClock.now - started) / .seconds(1)
        self.findings = findings
    }

    /// - Throws: `IOIError` if shards cannot measure the experiment, or there are more than prompts.
    public static func check(_ part: Part, of experiment: some Experiment, on subject: Subject) throws {
        if let reason = experiment.reasonAgainstShards(on: subject) {
            throw IOIError.invalid("shard", "found \(part), but \(reason); expected one process, or several of MPI")
        }
        try experiment.source?.checkRepeatable("shard: prompts")
        guard part.count <= max(subject.prompts.count, 1) else {
            throw IOIError.invalid(
                "shard", "found \(part.count) shards of \(subject.prompts.count) prompts, expected at most one each")
        }
    }
}

extension Shard: CheckedRecord {
    /// - Throws: `IOIError` that names the field.
    package func check() throws {
        _ = try Part(index: part.index, count: part.count)
        guard command == Self.command else {
            throw IOIError("command: found \(command.quoted), expected \(Self.command.quoted)")
        }
    }
}
