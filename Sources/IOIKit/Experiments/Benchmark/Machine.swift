import Foundation

/// What of this machine matters to speed.
public struct Machine: Codable, Equatable, Sendable {
    /// The processor's name; nil where the system does not tell it.
    public let processor: String?
    /// How many threads the processors run at once.
    public let processors: Int

    /// This machine, as Linux describes it in `/proc/cpuinfo`.
    public static var current: Machine {
        // Not read by its size, which is 0.
        let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
        return Machine(
            processor: text.flatMap(processor(in:)), processors: ProcessInfo.processInfo.activeProcessorCount
        )
    }

    /// The first processor's name in the text of `/proc/cpuinfo`, with single spaces.
    static func processor(in text: String) -> String? {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard parts.count == 2, parts[0] == "model name", !parts[1].isEmpty else { continue }
            return parts[1].split(separator: " ").joined(separator: " ")
        }
        return nil
    }
}
