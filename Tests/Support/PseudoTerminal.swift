import Foundation

/// Runs programs in a terminal of a given width.
package enum PseudoTerminal {
    /// Runs the program with standard output and standard error in a terminal.
    ///
    /// - Parameter columns: the width of the terminal.
    /// - Returns: all that it wrote there, with its control characters; nil where the system gives no pseudo-terminal.
    package static func run(
        _ arguments: [String],
        columns: Int,
        environment: [String: String] = [:]
    ) async throws -> (status: Int32, screen: String)? {
        guard let (master, slave) = open() else { return nil }
        defer { close(master) }
        var size = winsize(ws_row: 50, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        guard ioctl(slave, UInt(TIOCSWINSZ), &size) == 0 else {
            close(slave)
            return nil
        }
        let process = Process()
        process.executableURL = Program.url
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["TERM": "xterm-256color", "NO_COLOR": ""]) {
            $1
        }.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(fileDescriptor: slave)
        process.standardError = FileHandle(fileDescriptor: slave)
        async let text = read(master)
        let status = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        // The end of the last writer ends the reading.
        close(slave)
        return (status, String(decoding: await text, as: UTF8.self))
    }

    /// The two ends of a new pseudo-terminal, of which no other process has one.
    private static func open() -> (master: Int32, slave: Int32)? {
        let flags = O_RDWR | O_NOCTTY | O_CLOEXEC
        #if os(macOS)
            let master = posix_openpt(flags)
            let isUnlocked = grantpt(master) == 0 && unlockpt(master) == 0
            let name = ptsname(master).map { String(cString: $0) } ?? ""
        #else
            // What Glibc's functions do, which its module does not have.
            let (unlock, ask) = (UInt(0x4004_5431), UInt(0x8004_5430))
            let master = Foundation.open("/dev/ptmx", flags)
            var (lock, number) = (Int32(0), UInt32(0))
            let isUnlocked = ioctl(master, unlock, &lock) == 0 && ioctl(master, ask, &number) == 0
            let name = "/dev/pts/\(number)"
        #endif
        let slave = isUnlocked ? Foundation.open(name, flags) : -1
        guard slave < 0 else { return (master, slave) }
        if master >= 0 { close(master) }
        return nil
    }

    /// Everything that is written to the terminal until nobody has it open.
    private static func read(_ master: Int32) async -> Data {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var (all, bytes) = (Data(), [UInt8](repeating: 0, count: 4096))
                while true {
                    let count = Foundation.read(master, &bytes, bytes.count)
                    if count > 0 { all.append(contentsOf: bytes[..<count]) }
                    if count < 0, errno == EINTR { continue }
                    if count <= 0 { break }
                }
                continuation.resume(returning: all)
            }
        }
    }
}
