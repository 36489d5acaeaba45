import Foundation
import GPT2Kit

/// The program that was built beside the tests, started as several processes by MPI.
package enum RankedProgram {
    /// mpirun, if it is installed.
    private static let mpirun = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map { "\($0)/mpirun" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    /// Why there can be only one process; nil if there can be several.
    package static let obstacle: String? =
        Ranks.library == nil
        ? "the program was built without MPI (--traits MPI)" : mpirun == nil ? "mpirun is not installed" : nil

    /// More processes than processors, started by whoever runs the tests; those of Open MPI have two seconds to save.
    private static let environment = [
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none", "OMPI_MCA_odls_base_sigkill_timeout": "2",
    ]

    /// Runs it to its end.
    package static func run(_ ranks: Int, _ arguments: [String], in folder: URL? = nil) async throws -> Program.Outcome
    {
        try await Program.run(
            URL(fileURLWithPath: mpirun!), ["-n", "\(ranks)", Program.url.path] + arguments, in: folder,
            environment: environment
        )
    }

    /// Starts it and leaves it running; what it says is thrown away.
    package static func start(_ ranks: Int, _ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: mpirun!)
        process.arguments = ["-n", "\(ranks)", Program.url.path] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// The processes that mpirun started, by rank.
    package static func processes(of mpirun: Process) -> [pid_t] {
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let children = folders.compactMap { pid_t($0) }.filter { id in
            // "12 (name) S 11 …", of which the number after the state is the parent.
            let status = (try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8)) ?? ""
            let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
            return fields.count > 1 && pid_t(fields[1]) == mpirun.processIdentifier
        }
        return children.sorted()
    }
}
