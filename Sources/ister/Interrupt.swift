import Dispatch
import Glibc
import Synchronization

/// Ctrl-C while a command runs: the first one calls `onInterrupt` and lets the command end by itself, a second one ends
/// the process.
final class Interrupt {
    private let presses: Presses
    private let source: any DispatchSourceSignal

    private final class Presses: Sendable {
        let count = Mutex(0)
    }

    var isInterrupted: Bool { presses.count.withLock { $0 > 0 } }

    init(_ onInterrupt: @escaping @Sendable () -> Void) {
        let presses = Presses()
        self.presses = presses
        source = signalSource(SIGINT) {
            let isFirst = presses.count.withLock { count in
                count += 1
                return count == 1
            }
            guard isFirst else { endProcess(Failure.Code.interrupted.rawValue) }
            onInterrupt()
        }
    }

    deinit {
        source.cancel()
    }
}

/// Calls `handler` on a queue for each signal from now on.
func signalSource(_ number: Int32, _ handler: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    let registered = DispatchSemaphore(value: 0)
    source.setEventHandler(handler: handler)
    source.setRegistrationHandler { registered.signal() }
    source.resume()
    // Another thread registers it; a signal that came before that would be ignored and lost.
    registered.wait()
    return source
}
