import Foundation

/// A line of `metrics.jsonl`.
public struct StepMetrics: Codable, Equatable, Sendable {
    /// From 1.
    public let step: Int
    /// From 1.
    public let epoch: Int
    /// Mean cross-entropy of the step's labels before the update, in nats.
    public let loss: Double
    public let lr: Double
    public let samplesPerSecond: Double
    public let tokensPerSecond: Double

    enum CodingKeys: String, CodingKey {
        case step, epoch, loss, lr
        case samplesPerSecond = "samples_per_second"
        case tokensPerSecond = "tokens_per_second"
    }
}

extension RunFolder {
    /// The steps of the run. The last line is left out if a killed process did not finish it.
    ///
    /// - Throws: `IOIError` that names the file and the line; one that a step is not after the step before it.
    func metrics() throws -> [StepMetrics] {
        let file = metricsFile
        let lines = try InputFile.read(file, limit: .max)
            .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
        var last = 0
        return try lines.enumerated().map { index, line in
            let path = "\(file.path): line \(index + 1)"
            let metrics = try InputFile.decode(StepMetrics.self, from: line, path: path)
            guard metrics.step > last, metrics.epoch > 0 else {
                throw IOIError(
                    "\(path): found step \(metrics.step) of epoch \(metrics.epoch), expected a step above \(last) of an "
                        + "epoch from 1"
                )
            }
            last = metrics.step
            return metrics
        }
    }
}

/// `metrics.jsonl`: one line per step.
final class MetricsLog {
    private let handle: FileHandle
    private let url: URL
    private let encoder: JSONEncoder

    /// Opens the log and removes the lines of steps after `step`, and a last line left incomplete by a killed process.
    init(_ url: URL, keepingSteps step: Int) throws {
        self.url = url
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let isThere = FileManager.default.fileExists(atPath: url.path)
        // A pipe would be waited for.
        let old = isThere ? try InputFile.read(url, limit: .max) : Data()
        var kept = 0
        for line in old.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast() {
            guard let metrics = try? JSONDecoder().decode(StepMetrics.self, from: line), metrics.step <= step
            else { break }
            kept += line.count + 1
        }
        if kept < old.count || !isThere {
            try AtomicFile.write(old.prefix(kept), to: url)
        }
        guard let handle = FileHandle(forWritingAtPath: url.path) else {
            throw IOIError("\(url.path): cannot be opened for writing")
        }
        self.handle = handle
        handle.seekToEndOfFile()
    }

    func append(_ metrics: StepMetrics) throws {
        do {
            try handle.write(contentsOf: encoder.encode(metrics) + Data("\n".utf8))
        } catch {
            throw IOIError("\(url.path): a line cannot be written: \(error.localizedDescription)")
        }
    }

    /// Flushes the lines written so far to disk.
    func flush() throws {
        do {
            try handle.synchronize()
        } catch {
            throw IOIError("\(url.path): cannot be flushed to disk: \(error.localizedDescription)")
        }
    }
}
