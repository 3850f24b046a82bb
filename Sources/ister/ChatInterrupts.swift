import Dispatch
import Glibc
import Synchronization

/// Ctrl-C during a chat: stops the answer that runs; without one it ends the process, as it does anywhere else.
final class ChatInterrupts {
    private let source: any DispatchSourceSignal
    private let current = Current()

    private final class Current: Sendable {
        let stop = Mutex<(@Sendable () -> Void)?>(nil)
    }

    init() {
        signal(SIGINT, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        source.setEventHandler { [current] in
            guard let stop = current.stop.withLock(\.self) else { endProcess(Failure.Code.interrupted.rawValue) }
            stop()
        }
        source.resume()
    }

    deinit {
        source.cancel()
    }

    func begin(_ stop: @escaping @Sendable () -> Void) {
        current.stop.withLock { $0 = stop }
    }

    func end() {
        current.stop.withLock { $0 = nil }
    }
}
