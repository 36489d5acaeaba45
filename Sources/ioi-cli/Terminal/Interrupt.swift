import Foundation
import Synchronization

/// Ctrl-C and SIGTERM ask long work to save and stop; a second one ends the program at once.
enum Interrupt {
    private static let pending = Atomic(false)

    static var isPending: Bool { pending.load(ordering: .relaxed) }

    static func listen() {
        // Whoever started the program may have had them blocked.
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
