import ArgumentParser
import Foundation
import IOIKit

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Time the program's kernels and a training step on this machine.",
        discussion: """
            Times are medians; the share of the peak refers to the fastest matrix product of the same run. Weights are \
            random, so no model is needed.
            """
    )

    struct Measurement: ParsableArguments {
        @Option(help: "Prompts per step.")
        var batch: Int = 32

        @Option(help: "Tokens per prompt.")
        var length: Int = 16

        @Option(help: ArgumentHelp("The shape of the model.", valueName: "name"))
        var like = PublishedShape.small
    }

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    /// A results document without model and prompts.
    private struct Document: Encodable {
        struct Options: Encodable {
            let batch, length: Int
            let like: String
        }

        struct Results: Encodable {
            let timings: [Timing]
        }

        let schema = "ioi/1"
        let command = "bench"
        let options: Options
        let environment: EnvironmentRecord
        let seconds: Double
        let results: Results
    }

    func run() throws {
        let started = ContinuousClock.now
        let workers = try common.workers()
        let (batch, length, config) = (measurement.batch, measurement.length, measurement.like.config)
        try checkFlag("--batch", batch, in: 1...4096)
        try checkFlag("--length", length, in: 1...config.contextLength)
        let environment = EnvironmentRecord(workers: workers)
        let timings = Timings(config: config, batch: batch, length: length, workers: workers).measure { timing in
            if !common.quiet, output.format != .text { Terminal.say(timing.name) }
            if output.format == .text { print(Self.row(timing)) }
        }
        try output.write(
            isQuiet: common.quiet,
            json: {
                try JSONEncoder.readable.encode(
                    Document(
                        options: .init(batch: batch, length: length, like: measurement.like.rawValue),
                        environment: environment,
                        seconds: (ContinuousClock.now - started) / .seconds(1), results: .init(timings: timings)
                    )
                )
            },
            csv: {
                "name,seconds,gigaflops,share_of_peak\n"
                    + timings.map { timing in
                        let speed = timing.gigaflops.map { "\($0)" } ?? ""
                        let share = timing.shareOfPeak.map { "\($0)" } ?? ""
                        return "\"\(timing.name)\",\(timing.seconds),\(speed),\(share)\n"
                    }.joined()
            },
            text: { "threads \(environment.threads), \(environment.blas)" }
        )
    }

    private static func row(_ timing: Timing) -> String {
        let name = timing.name.padding(toLength: 44, withPad: " ", startingAt: 0)
        let time = String(format: "%10.3f ms", 1000 * timing.seconds)
        guard let speed = timing.gigaflops, let share = timing.shareOfPeak else { return name + time }
        return name + time + String(format: "%9.1f GFLOP/s  %5.1f %% of peak", speed, 100 * share)
    }
}
