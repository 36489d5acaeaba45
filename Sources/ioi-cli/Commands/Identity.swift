import Foundation
import IOIKit

/// What a result was measured on: models and prompts with their hashes.
struct Identity {
    private let model, donor: ModelRecord?
    private let dataset: DatasetRecord

    /// - Parameter isNeeded: whether the models' hashes are wanted, which takes reading them through.
    init(model: GPT2, donor: GPT2? = nil, dataset: Dataset, isNeeded: Bool) throws {
        self.model = isNeeded ? try ModelRecord(model) : nil
        self.donor = isNeeded ? try donor.map(ModelRecord.init) : nil
        self.dataset = DatasetRecord(dataset)
    }

    /// What an interrupted measurement left beside `out`.
    func partial(_ options: some Encodable, besides out: String?) throws -> PartialResults {
        try PartialResults(
            besides: out.map { URL(fileURLWithPath: $0) },
            deciding: [
                String(decoding: try JSONEncoder.readable.encode(options), as: UTF8.self), model?.sha256 ?? "",
                donor?.sha256 ?? "", dataset.sha256,
            ]
        )
    }

    func document<Options: Encodable, Results: Encodable>(
        _ command: String,
        options: Options,
        workers: Workers,
        seconds: Double,
        results: Results
    ) -> ResultsDocument<Options, Results> {
        ResultsDocument(
            command: command, options: options, model: model!, donor: donor, dataset: dataset,
            environment: EnvironmentRecord(workers: workers), seconds: seconds, results: results
        )
    }
}
