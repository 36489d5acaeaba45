import Foundation
import GPT2Kit
import Testing

/// Damaged files of every kind are read, or refused with one short line.
///
/// 2,000 cases by default; `IOI_FUZZ_CASES` and `IOI_FUZZ_SEED` ask for others. The file that `IOI_FUZZ_TRACE` names holds
/// the last case begun, for one that ends the process. `IOI_FUZZ_ONLY=TARGET` runs the cases of one kind of file, and
/// `IOI_FUZZ_ONLY=TARGET:CASE` prints and runs a single one.
@Suite(.serialized) struct FuzzTests {
    /// A damaged file that was neither read nor refused as it should be.
    private struct Fault: CustomStringConvertible {
        let target: String
        let index: Int
        let problem: String

        var description: String { "\(target):\(index): \(problem)" }
    }

    private static let environment = ProcessInfo.processInfo.environment
    private let seed = environment["IOI_FUZZ_SEED"].flatMap(UInt64.init) ?? 0
    private let trace = environment["IOI_FUZZ_TRACE"].map { open($0, O_WRONLY | O_CREAT | O_TRUNC, 0o644) }

    @Test func damagedFilesAreReadOrRefusedInOneLine() throws {
        let bench = try FuzzBench()
        let only = Self.environment["IOI_FUZZ_ONLY"].map { $0.split(separator: ":").map(String.init) }
        let cases = Self.environment["IOI_FUZZ_CASES"].flatMap(Int.init) ?? 2000
        let weights = bench.targets.reduce(0) { $0 + $1.weight }
        var (faults, slowest) = ([Fault](), (seconds: 0.0, name: ""))
        var (total, accepted) = (0, 0)
        for target in bench.targets where only == nil || only?[0] == target.name {
            // A target whose sound file is refused would test nothing.
            try target.read()
            let share = cases * target.weight / weights + 1
            let index = only.flatMap { $0.count > 1 ? Int($0[1]) : nil }
            for index in index.map({ [$0] }) ?? Array(0..<share) {
                note("\(target.name):\(index)\n")
                var generator = SeededGenerator(seed, target.name, index)
                let damaged = target.damaged.damaged(&generator)
                if only?.count == 2 { print(String(decoding: damaged, as: UTF8.self).visible) }
                try damaged.write(to: target.file)
                let started = ContinuousClock.now
                let problem = outcome(of: target.read)
                let seconds = (ContinuousClock.now - started) / .seconds(1)
                total += 1
                if problem == nil { accepted += 1 }
                if let problem, !problem.isEmpty {
                    faults.append(Fault(target: target.name, index: index, problem: problem))
                }
                if seconds > slowest.seconds { slowest = (seconds, "\(target.name):\(index)") }
                if seconds > 1 { print("\(target.name):\(index) took \(seconds) s") }
            }
            try target.sound.write(to: target.file)
        }
        print(
            "\(total) damaged files of \(bench.targets.count) kinds: \(accepted) read, \(total - accepted) refused, "
                + "\(faults.count) faults; the slowest, \(slowest.name), took \(slowest.seconds) s")
        #expect(
            faults.isEmpty,
            "\(faults.count) faults, the first of them\n\(faults.prefix(20).map(\.description).joined(separator: "\n"))"
        )
        if only == nil { #expect(accepted > 0 && accepted < total) }
    }

    /// nil for a file that was read, empty for one that was refused as it should be, else what is wrong.
    private func outcome(of read: () throws -> Void) -> String? {
        do {
            try read()
            return nil
        } catch let error as IOIError {
            let text = error.description
            if text.unicodeScalars.count > 400 { return "an error of \(text.unicodeScalars.count) characters: \(text)" }
            return text == text.visible ? "" : "control characters in an error: \(text.visible)"
        } catch {
            return "another error: \(error)"
        }
    }

    private func note(_ text: String) {
        guard let trace else { return }
        _ = ftruncate(trace, 0)
        _ = pwrite(trace, text, text.utf8.count, 0)
    }
}
