import CSystem
import Foundation
import IOIKit

/// Prints on standard output, in place of Swift's function, which does not notice that nothing was written. Where it
/// cannot, the program ends.
func print(_ text: String, terminator: String = "\n") {
    StandardStream.print(text + terminator)
}

/// Prints bytes as they are.
func print(_ data: Data) {
    data.withUnsafeBytes { StandardStream.print($0) }
}

/// Standard output, each write to which is checked, and standard error, where what cannot be said is not said: no
/// message ends the work.
enum StandardStream {
    /// Before anything is opened or written.
    static func prepare() {
        process_hold_standard_descriptors()
        // A message to a closed pipe must not end the program; results that nobody reads do.
        isPipeFatal = !process_ignores(SIGPIPE)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Set once, before there are other threads.
    nonisolated(unsafe) private static var isPipeFatal = false

    /// Whether nothing is said or printed, because another process does.
    nonisolated(unsafe) static var isSilent = false

    static func say(_ text: String) {
        if isSilent { return }
        var text = text
        _ = text.withUTF8 { write(UnsafeRawBufferPointer($0), to: STDERR_FILENO) }
    }

    fileprivate static func print(_ text: String) {
        var text = withoutCommands(text)
        text.withUTF8 { print(UnsafeRawBufferPointer($0)) }
    }

    /// The text with its control characters escaped, but for the ends of lines and, on a terminal that has them, colours:
    /// names come from files.
    private static func withoutCommands(_ text: String) -> String {
        let isCommand = { (byte: UInt8) in byte < 0x20 && byte != 0x0A && byte != 0x09 }
        guard text.utf8.contains(where: isCommand) else { return text }
        let isColoured = Terminal.isColoured
        return text.replacing(/(?<colour>\u{1B}\[[0-9;]*m)|[\u{0}-\u{8}\u{B}-\u{1F}]/.matchingSemantics(.unicodeScalar))
        {
            $0.colour != nil && isColoured ? String($0.0) : String($0.0).visible
        }
    }

    fileprivate static func print(_ bytes: UnsafeRawBufferPointer) {
        if isSilent { return }
        let code = write(bytes, to: STDOUT_FILENO)
        // After a hangup there is no terminal, and what was done is being saved.
        if code != 0, !Interrupt.isPending { fail(code) }
    }

    /// The last check: some systems say only now what they could not write.
    static func finish() {
        if close(STDOUT_FILENO) != 0, errno != EBADF { fail(errno) }
    }

    private static func fail(_ code: Int32) -> Never {
        if code == EPIPE, isPipeFatal {
            // As a program ends that does not look: `ioi … | head` says nothing.
            signal(SIGPIPE, SIG_DFL)
            raise(SIGPIPE)
        }
        Terminal.complain("standard output: cannot be written: \(String(cString: strerror(code)))")
        IOI.ranks.end(code: 1)
        exit(1)
    }

    /// - Returns: `errno`, 0 if all was written.
    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var rest = bytes
        while !rest.isEmpty {
            let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
            guard count < 0 else {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                var file = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&file, 1, -1)
            default: return errno
            }
        }
        return 0
    }
}
