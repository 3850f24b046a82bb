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
        signal(SIGINT, SIG_IGN)
        let presses = Presses()
        self.presses = presses
        source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        source.setEventHandler {
            let isFirst = presses.count.withLock { count in
                count += 1
                return count == 1
            }
            guard isFirst else { endProcess(Failure.Code.interrupted.rawValue) }
            onInterrupt()
        }
        source.resume()
    }

    deinit {
        source.cancel()
    }
}
