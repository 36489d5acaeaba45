import ArgumentParser
import Foundation
import IOIKit

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Time matrix products, training and the commands' work on this machine.",
        discussion: """
            Times are medians; GFLOP/s count the operations that the work needs in its matrix products, and the share of \
            the peak refers to the fastest product of the same run and precision, by any backend. Weights and prompts are random, so no \
            model is needed. The last line is for pasting into a report.
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
            let machine: Machine
            /// The benchmark in one line.
            let summary: String
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
        let outputs = try output.open()
        let (batch, length, config) = (measurement.batch, measurement.length, measurement.like.config)
        try checkFlag("--batch", batch, in: 1...4096)
        try checkFlag("--length", length, in: 1...config.contextLength)
        let environment = EnvironmentRecord(workers: workers)
        let timings = Timings(config: config, batch: batch, length: length, workers: workers)
        if output.format == .text { print(Self.heading) }
        let measured = try timings.measure { timing in
            if !common.quiet, output.format != .text { Terminal.say(timing.name) }
            guard output.format == .text else { return }
            print(Self.row(timing))
        }
        let machine = Machine.current
        let summary = BenchmarkSummary(
            measured, by: timings, shape: measurement.like.rawValue, environment: environment, machine: machine
        ).line
        try output.write(
            to: outputs, isQuiet: common.quiet,
            json: {
                try JSONEncoder.readable.encode(
                    Document(
                        options: .init(batch: batch, length: length, like: measurement.like.rawValue),
                        environment: environment,
                        seconds: (ContinuousClock.now - started) / .seconds(1),
                        results: .init(timings: measured, machine: machine, summary: summary)
                    )
                )
            },
            csv: { Self.table(measured, machine, environment) },
            text: { Printout(summary, tables: [Self.textTable(measured)]) }
        )
    }

    private static func textTable(_ timings: [Timing]) -> TextTable {
        var table = TextTable(header: ["", "ms", "GFLOP/s", "% peak"])
        table.rows = timings.map { timing in
            [timing.name, decimal(1000 * timing.seconds, 3)]
                + [timing.gigaflops, timing.shareOfPeak.map { 100 * $0 }].map { $0.map { decimal($0, 1) } ?? "" }
        }
        return table
    }

    private static func table(_ timings: [Timing], _ machine: Machine, _ environment: EnvironmentRecord) -> String {
        let place = "\((machine.processor ?? "").csvField),\(environment.threads),\(environment.blas.csvField)"
        let rows = timings.map { timing in
            let figures = [timing.gigaflops, timing.shareOfPeak, timing.promptsPerSecond].map {
                $0.map { "\($0)" } ?? ""
            }
            return "\(timing.name.csvField),\(timing.seconds),\(figures.joined(separator: ",")),"
                + "\(timing.kind?.rawValue ?? ""),\(timing.backend ?? ""),\(timing.precision?.rawValue ?? ""),\(place)\n"
        }
        return "name,seconds,gigaflops,share_of_peak,prompts_per_second,kind,backend,precision,processor,threads,blas\n"
            + rows.joined()
    }

    /// Fits into 80 columns.
    private static let heading = String(repeating: " ", count: 54) + "      ms  GFLOP/s % peak"

    private static func row(_ timing: Timing) -> String {
        let name = timing.name.padding(toLength: max(54, timing.name.count), withPad: " ", startingAt: 0)
        let time = String(format: "%8.3f", 1000 * timing.seconds)
        guard let speed = timing.gigaflops, let share = timing.shareOfPeak else { return name + time }
        return name + time + String(format: "%9.1f%7.1f", speed, 100 * share)
    }
}
