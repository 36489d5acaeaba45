import CSystem
import Foundation
import IOIKit
import Synchronization

/// Ctrl-C, SIGTERM, SIGUSR1 (which job schedulers send before the time is over) and the end of the terminal make long
/// work save and stop; a second one ends the program at once.
enum Interrupt {
    /// For the help of commands that resume.
    static let help = "Ctrl-C saves what was measured next to --out; the same command resumes from it."

    private static let pending = Atomic(false)

    static var isPending: Bool { pending.load(ordering: .relaxed) }

    private static let signals = [SIGINT, SIGTERM, SIGUSR1, SIGHUP]

    /// Signals are handled by a thread of their own. A handler that ran on a thread inside a product of oneDNN 2.6
    /// corrupted its memory, once in about sixty interruptions, so threads that compute must not be interrupted; those
    /// of workers block all signals. Only where the system makes no thread is the main one interrupted.
    static func listen() {
        // Under nohup the work continues without the terminal.
        for number in signals where number != SIGHUP || !process_ignores(SIGHUP) {
            signal(number) { number in
                Interrupt.pending.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
        }
        let isStarted = BackgroundThread.start {
            mask(SIG_UNBLOCK)
            while true { pause() }
        }
        // The parent process may have blocked them.
        mask(isStarted ? SIG_BLOCK : SIG_UNBLOCK)
    }

    /// Blocks or unblocks the signals in the calling thread.
    private static func mask(_ change: Int32) {
        var set = sigset_t()
        sigemptyset(&set)
        for number in signals { sigaddset(&set, number) }
        pthread_sigmask(change, &set, nil)
    }
}
