import Foundation
import Synchronization

/// Ctrl-C and SIGTERM make long work save and stop; a second one ends the program at once.
enum Interrupt {
    /// For the help of commands that resume.
    static let help = "Ctrl-C saves what was measured next to --out; the same command resumes from it."

    private static let pending = Atomic(false)

    static var isPending: Bool { pending.load(ordering: .relaxed) }

    static func listen() {
        // The parent process may have blocked them.
        var both = sigset_t()
        sigemptyset(&both)
        sigaddset(&both, SIGINT)
        sigaddset(&both, SIGTERM)
        pthread_sigmask(SIG_UNBLOCK, &both, nil)
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                Interrupt.pending.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
        }
    }
}
