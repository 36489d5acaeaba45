import Foundation

/// The memory that this process may take.
package enum MachineMemory {
    /// The least of the machine's memory, that of the process's control groups, the process's own limits, and what other
    /// processes leave now. [bytes]
    package static var limit: Int { min(most, left ?? .max) }

    private static let most = ([Int(clamping: ProcessInfo.processInfo.physicalMemory)] + processLimits + groupLimits)
        .min()!

    /// What this process has, and what it can get without ending others; nil where the system does not say.
    private static var left: Int? {
        guard let free = kilobytes("MemAvailable", of: "/proc/meminfo") else { return nil }
        let swap = kilobytes("SwapFree", of: "/proc/meminfo") ?? 0
        return 1024 * (free + swap + (kilobytes("RssAnon", of: "/proc/self/status") ?? 0))
    }

    /// A field of a file of the system, as in `MemAvailable:   1234 kB`.
    private static func kilobytes(_ field: String, of file: String) -> Int? {
        let lines = (try? String(contentsOfFile: file, encoding: .utf8))?.split(separator: "\n") ?? []
        let line = lines.first { $0.hasPrefix(field + ":") }
        return line.flatMap { Int($0.dropFirst(field.count + 1).filter(\.isNumber)) }
    }

    /// - Parameters:
    ///   - field: the option that asks for memory.
    ///   - value: its value.
    ///   - bytes: what each unit of the value takes.
    ///   - most: the memory available, in bytes.
    /// - Throws: ``IOIError`` of the field if that is more than ``limit``.
    package static func check(_ field: String, _ value: Int, bytesEach bytes: Int, most: Int = limit) throws {
        guard value > most / bytes else { return }
        let needed = Double(value) * Double(bytes)
        throw IOIError.invalid(
            field,
            "found \(value) (about \(gigabytes(needed)) of memory), expected at most \(most / bytes) "
                + "(the \(gigabytes(Double(most))) available)"
        )
    }

    /// - Parameters:
    ///   - bytes: the memory needed.
    ///   - purpose: what needs it, the subject of the error.
    ///   - most: the memory available, in bytes.
    /// - Throws: ``IOIError`` if that is more than ``limit``.
    package static func check(_ bytes: Double, for purpose: String, most: Int = limit) throws {
        guard bytes > Double(most) else { return }
        let available = gigabytes(Double(most))
        throw IOIError(
            "\(purpose) takes \(gigabytes(bytes)) of memory, more than the \(available) available", kind: .memory)
    }

    private static func gigabytes(_ bytes: Double) -> String { "\((bytes / 1e9).fixed(1)) GB" }

    private static var processLimits: [Int] {
        #if os(Linux)
            let kinds = [RLIMIT_AS, RLIMIT_DATA].map { __rlimit_resource_t($0.rawValue) }
        #else
            let kinds = [RLIMIT_AS, RLIMIT_DATA]
        #endif
        return kinds.compactMap { kind in
            var limits = rlimit()
            return getrlimit(kind, &limits) == 0 ? Int(clamping: limits.rlim_cur) : nil
        }
    }

    /// The limits of version 1 and 2 control groups, of this process's group and of those above it.
    private static var groupLimits: [Int] {
        let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
        return groups.split(separator: "\n").flatMap { line -> [Int] in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return [] }
            let root: String
            let file: String
            switch parts[1] {
            case "": (root, file) = ("/sys/fs/cgroup", "memory.max")
            case "memory": (root, file) = ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            default: return []
            }
            var path = parts[2]
            var limits: [Int] = []
            while true {
                // "max" where there is no limit.
                let text = try? String(contentsOfFile: "\(root)\(path == "/" ? "" : path)/\(file)", encoding: .utf8)
                if let limit = text.flatMap({ Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }) {
                    limits.append(limit)
                }
                guard let slash = path.lastIndex(of: "/"), path.count > 1 else { return limits }
                path = slash == path.startIndex ? "/" : path[..<slash]
            }
        }
    }
}
