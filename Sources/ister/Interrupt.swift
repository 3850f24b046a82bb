import Dispatch
import Glibc
import IsterModelFile
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

    /// The first one ends the process and leaves nothing of the output that is being written to `target`.
    convenience init(removingTemporaryFileOf target: String) {
        self.init {
            TemporaryFile.removeOwn(target: target)
            endProcess(Failure.Code.interrupted.rawValue)
        }
    }

    deinit {
        source.cancel()
    }
}
