import Foundation

/// A benchmark in one line, to paste into a report.
public struct BenchmarkSummary: Sendable {
    private let machine: Machine
    private let threads: Int
    private let library: String
    private let shape: String
    private let timings: Timings
    private let measured: [Timing]

    /// - Parameters:
    ///   - measured: what `timings` has measured.
    ///   - timings: the settings of the benchmark.
    ///   - shape: the name of the model's shape.
    ///   - environment: threads and library.
    ///   - machine: the machine that was measured.
    public init(
        _ measured: [Timing],
        by timings: Timings,
        shape: String,
        environment: EnvironmentRecord,
        machine: Machine = .current
    ) {
        self.machine = machine
        threads = environment.threads
        library = environment.blas + (environment.precision == .fp32 ? "" : ", \(environment.precision.rawValue)")
        self.shape = shape
        self.timings = timings
        self.measured = measured
    }

    public var line: String {
        let processors = "\(machine.processors) processor\(machine.processors == 1 ? "" : "s")"
        let place = "\(machine.processor.map { "\($0), " } ?? "")\(processors); ioi \(ioiVersion), \(threads) threads"
        return ([place, library, "\(shape), prompts of \(timings.length) tokens"] + figures).joined(separator: "; ")
    }

    private var figures: [String] {
        var figures: [String] = []
        for precision in Precision.allCases where precision != .bf16x3 {
            let products = measured.filter { $0.kind == .product && $0.precision == precision }
            guard let peak = products.compactMap(\.gigaflops).max() else { continue }
            figures.append(String(format: "best product %.0f GFLOP/s (\(precision.rawValue))", peak))
        }
        for (start, unit) in [("step, ", "training"), ("eval, ", "eval")] {
            for timing in measured where timing.name.hasPrefix(start) {
                guard let rate = timing.promptsPerSecond else { continue }
                let detail = timing.name.components(separatedBy: ", ").last { $0.hasPrefix("loss") }
                figures.append("\(unit)\(detail.map { " (\($0))" } ?? "") \(String(format: "%.1f", rate)) prompts/s")
            }
        }
        for timing in measured where timing.kind == .command && !timing.name.hasPrefix("eval, ") {
            guard let rate = timing.promptsPerSecond else { continue }
            let name = timing.name.components(separatedBy: ", ")[0]
            figures.append(String(format: "\(name) %.3f s a prompt", 1 / rate))
        }
        return figures
    }
}
