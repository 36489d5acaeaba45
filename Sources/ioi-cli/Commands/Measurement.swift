import Foundation
import IOIKit

/// What every command that measures a model on prompts does: it keeps what an interruption leaves, shows how far it is,
/// and writes the results document, a table or text.
struct Measurement<Options: Encodable> {
    let command: String
    let options: Options
    let started: ContinuousClock.Instant
    let workers: Workers
    let output: OutputOptions
    let isQuiet: Bool
    /// What decides the results beside the options: a circuit, which may be another under the same name.
    var circuit: Circuit?
    /// Whether work has many stages, of which how many prompts are done says little.
    var isStaged = false

    private struct Deciding: Encodable {
        let options: Options
        let circuit: Circuit?
    }

    /// - Parameters:
    ///   - measure: is given what an interrupted run left, and tells what share of its work is done.
    ///   - next: a command worth trying after this one.
    /// - Throws: what `measure` throws, the exit code of an interruption, and `IOIError` where results cannot be written.
    func run<Results: Encodable>(
        _ model: GPT2,
        donor: GPT2? = nil,
        _ dataset: Dataset,
        measure: (PartialResults, @escaping (Double) -> Void) throws -> Results,
        csv: (Results) -> String,
        text: (Results) -> String,
        next: (Results) -> String
    ) throws {
        let identity = try Identity(model: model, donor: donor, dataset: dataset, isNeeded: output.holdsDocument)
        let partial = try identity.partial(Deciding(options: options, circuit: circuit), besides: output.out)
        let progress = ProgressLine(command, total: 1000, isQuiet: isQuiet)
        let results = try PatchRunOptions.stoppable(isStaged ? nil : dataset, out: output.out) {
            defer { progress.clear() }
            return try measure(partial) { progress.show(Int($0 * 1000)) }
        }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        try output.write(
            isQuiet: isQuiet,
            json: {
                try JSONEncoder.readable.encode(
                    identity.document(command, options: options, workers: workers, seconds: seconds, results: results)
                )
            },
            csv: { csv(results) },
            text: { text(results) },
            next: { next(results) }
        )
        partial.remove()
    }
}
