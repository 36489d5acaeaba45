import ArgumentParser
import Foundation
import IOIKit

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Time the program's own kernels and a training step on this machine.",
        discussion: """
            Speeds are medians; the share of the peak is taken of the fastest product in the same run. Weights are \
            random, so no model is needed.
            """
    )

    @Option(help: "Prompts a step.")
    var batch: Int = 32

    @Option(help: "Tokens of each prompt.")
    var length: Int = 16

    @Option(help: ArgumentHelp("The shape: gpt2, gpt2-medium, gpt2-large or gpt2-xl.", valueName: "name"))
    var like: String = "gpt2"

    @OptionGroup var output: OutputOptions
    @OptionGroup var common: RunOptions

    /// A results document without a model and prompts, which it has none of.
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
        let config = try GPT2Config.named(like, flag: "--like")
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
                        options: .init(batch: batch, length: length, like: like), environment: environment,
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
