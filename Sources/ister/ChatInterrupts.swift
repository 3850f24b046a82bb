import Dispatch
import Glibc
import Synchronization

/// Signals during a chat. Ctrl-C stops the answer that runs; without one it ends the process, as it does anywhere else.
/// SIGTERM and SIGHUP end it as ever, but not before the terminal is as it was. All of this runs on a queue, where,
/// other than in a signal handler, everything may be called.
final class ChatInterrupts {
    private let sources: [any DispatchSourceSignal]
    private let current = Current()

    private final class Current: Sendable {
        let stop = Mutex<(@Sendable () -> Void)?>(nil)
    }

    init() {
        let interrupt = signalSource(SIGINT) { [current] in
            if let stop = current.stop.withLock(\.self) { return stop() }
            TerminalMode.restoreAtEnd()
            endProcess(Failure.Code.interrupted.rawValue)
        }
        let ends = [SIGTERM, SIGHUP].map { number in
            signalSource(number) {
                TerminalMode.restoreAtEnd()
                // Whoever waits for the process is to see what ended it.
                signal(number, SIG_DFL)
                kill(getpid(), number)
            }
        }
        sources = [interrupt] + ends
    }

    deinit {
        for source in sources { source.cancel() }
    }

    func begin(_ stop: @escaping @Sendable () -> Void) {
        current.stop.withLock { $0 = stop }
    }

    func end() {
        current.stop.withLock { $0 = nil }
    }
}
