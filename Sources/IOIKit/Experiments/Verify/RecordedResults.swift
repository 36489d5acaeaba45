import Foundation

/// Results, and the hashes of what they were measured on.
struct Findings {
    let results: JSONValue
    let model, donor, dataset: String?
    /// What the results say of the counterfactuals, if anything.
    var counterfactuals: CounterfactualHealth?
    let environment: EnvironmentRecord
}

/// A results file that can be repeated.
///
/// `model check` is not an ``Experiment``, because it also runs on folders without a model.
struct RecordedResults: Sendable {
    private struct WithOptions<Options: Decodable>: Decodable {
        let options: Options
    }

    /// As the caller named it.
    let path: String
    private let contents: ResultsDocument<JSONValue, JSONValue>
    private let json: Data

    var command: String { contents.command }
    var model: ModelRecord { contents.model }
    var donor: ModelRecord? { contents.donor }
    var options: JSONValue { contents.options }
    var results: JSONValue { contents.results }
    var folder: URL { URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent() }

    var findings: Findings {
        Findings(
            results: results, model: model.sha256, donor: donor?.sha256, dataset: contents.dataset?.sha256,
            counterfactuals: contents.dataset?.counterfactuals, environment: contents.environment
        )
    }

    /// The fields of the results that are not compared.
    var uncompared: Set<String> { Experiments.named(command)?.uncompared ?? ModelCheck.uncompared }

    /// The fields of the results that are only compared if recorded.
    var later: Set<String> { Experiments.named(command)?.later ?? [] }

    /// - Throws: `IOIError` that names the file and the field, what was found and what was expected.
    init(_ path: String) throws {
        self.path = path
        json = try InputFile.read(URL(fileURLWithPath: path), limit: .max)
        let command = try ResultsHeading(json, path: path).command
        let commands = Experiments.all.map { $0.name } + [ModelCheck.command]
        guard commands.contains(command) else {
            throw IOIError(
                "\(path): command: found \(command.quoted), expected results of one of "
                    + commands.sorted().joined(separator: ", ")
            )
        }
        contents = try InputFile.decode(ResultsDocument<JSONValue, JSONValue>.self, from: json, path: path)
    }

    private func options<Options: Decodable>(_ type: Options.Type) throws -> Options {
        try InputFile.decode(WithOptions<Options>.self, from: json, path: path).options
    }

    /// The recorded experiment. Its options are validated again because anyone may edit the file.
    private func experiment<Kind: Experiment>(_ kind: Kind.Type) throws -> Kind {
        let experiment = try options(kind)
        try experiment.source?.checkRepeatable("\(path): options.prompts")
        do {
            try experiment.validate()
        } catch let error as IOIError {
            throw IOIError("\(path): \(error.field == nil ? "" : "options.")\(error)")
        }
        return experiment
    }

    /// - Throws: `IOIError` that names the file and the option that is missing or invalid.
    func checkOptions() throws {
        guard let kind = Experiments.named(command) else {
            _ = try options(ModelCheck.Options.self)
            return
        }
        _ = try experiment(kind)
        if kind == ModelDiffExperiment.self, donor == nil {
            throw IOIError("\(path): donor: found nothing, expected the other model")
        }
    }

    // MARK: Repeating

    /// Measures again.
    ///
    /// - Throws: `IOIError` that names the file; ``PatchInterruption`` or `ACDC.Interruption` if the settings ask to
    ///   stop.
    func repeated(on model: ModelLocation, donor: ModelLocation?, _ work: Work) throws -> Findings {
        do {
            try work.workers.precision.check(with: work.workers.backend)
            // Under the recorded names, which results and the published circuit depend on.
            let model = try self.model.location(in: model.folder)
            let donor = try self.donor.flatMap { record in try donor.map { try record.location(in: $0.folder) } }
            guard let kind = Experiments.named(command) else { return try check(model, work) }
            return try run(kind, model, donor, work)
        } catch let error as IOIError {
            throw IOIError("\(path): cannot be repeated: \(error)")
        }
    }

    private func run<Kind: Experiment>(
        _ kind: Kind.Type,
        _ model: ModelLocation,
        _ donor: ModelLocation?,
        _ work: Work
    ) throws -> Findings {
        let experiment = try experiment(kind)
        let subject = try Subject(
            of: experiment, GPT2(model, workers: work.workers), donor: donor.map { try GPT2($0, workers: work.workers) }
        )
        for model in [subject.model, subject.donor] { model?.beginHashing() }
        let results = try experiment.run(on: subject, work)
        let dataset = subject.dataset.map { DatasetRecord($0) }
        return Findings(
            results: try JSONValue(results), model: try subject.model.sha256(), donor: try subject.donor?.sha256(),
            dataset: dataset?.sha256, counterfactuals: dataset?.counterfactuals,
            environment: EnvironmentRecord(workers: work.workers)
        )
    }

    private func check(_ model: ModelLocation, _ work: Work) throws -> Findings {
        let options = try options(ModelCheck.Options.self)
        let check = try ModelCheck(
            name: model.name, folder: model.folder, expectations: options.expectations,
            data: options.data.map { URL(fileURLWithPath: $0) }
        )
        let results = check.run(workers: work.workers, progress: work.progress)
        return Findings(
            results: try JSONValue(results), model: results.sha256, donor: nil,
            dataset: results.dataset.map { DatasetRecord($0).sha256 },
            environment: EnvironmentRecord(workers: work.workers)
        )
    }
}
