import Dispatch
import Glibc
import IsterModelFile

/// Signals that end a process while it makes something: the first one cleans up and ends it as they usually do.
final class EndSignals {
    private let sources: [any DispatchSourceSignal]

    init(_ cleanUp: @escaping @Sendable () -> Void) {
        sources = Self.numbers().map { number in
            signalSource(number) {
                cleanUp()
                endProcess(128 + number)
            }
        }
    }

    /// Leaves nothing of the output that is being written to `target`.
    convenience init(removingTemporaryFileOf target: String) {
        self.init { TemporaryFile.removeOwn(target: target) }
    }

    deinit {
        for source in sources { source.cancel() }
    }

    /// Ctrl-C, a request to end, and the end of a session unless that is ignored, as nohup has it: then work of hours
    /// goes on.
    static func numbers() -> [Int32] {
        let handler: sighandler_t? = signal(SIGHUP, SIG_IGN)
        signal(SIGHUP, handler)
        let isIgnored = unsafe unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
        return [SIGINT, SIGTERM] + (isIgnored ? [] : [SIGHUP])
    }
}
