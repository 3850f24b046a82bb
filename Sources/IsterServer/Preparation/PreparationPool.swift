import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// The threads that parse, check, render and encode requests and that write whole answers. They may be kept busy,
/// unlike those of the event loops and of Swift's tasks, which carry everybody's streams.
public final class PreparationPool: Sendable {
    /// How much lower than the process's own their priority is. A forward pass has a worker on each core and waits for
    /// the slowest one many times, so preparation must not displace any. With all cores busy, nice 10 leaves a thread
    /// about a tenth of one; 19 would leave a seventieth, and honest requests would starve.
    static let niceness: Int32 = 10

    /// Few: while requests are prepared, each takes its share of a core that computes.
    static func threadCount(coreCount: Int) -> Int { max(1, min(2, coreCount / 4)) }

    /// Drops the work that it is given false for.
    private typealias Work = @Sendable (_ isActive: Bool) -> Void

    private let pool: NIOThreadPool
    private let waiting = WaitingWork()
    private let priority: Int32

    public convenience init() { self.init(threadCount: Self.threadCount(coreCount: System.coreCount)) }

    init(threadCount: Int) {
        pool = NIOThreadPool(numberOfThreads: threadCount)
        priority = min(getpriority(Int32(PRIO_PROCESS.rawValue), 0) + Self.niceness, 19)
        pool.start()
    }

    deinit { pool.shutdownGracefully { _ in } }

    /// Ends the threads; work that comes later is refused as by a server that drains.
    public func shutDown() async { try? await pool.shutdownGracefully() }

    /// Pieces of work that no thread has taken yet.
    var waitingCount: Int { waiting.count }

    /// Runs `work` when it is the client's turn. When the task is cancelled, work that waits is dropped at once, and of
    /// work that runs the value is: both throw `CancellationError`.
    func run<Value: Sendable>(
        for client: String, _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        let job = PreparationJob(work)
        let value = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if job.wait(continuation) { submit(job, client) }
            }
        } onCancel: {
            job.drop(CancellationError())
        }
        try Task.checkCancellation()
        return value
    }

    private func submit<Value: Sendable>(_ job: PreparationJob<Value>, _ client: String) {
        waiting.append(client) { isActive in
            if isActive { job.run() } else { job.drop(APIError.draining) }
        }
        // For each piece of work one is taken, whosever turn it is.
        pool.submit { [waiting, priority] state in
            guard let work = waiting.next() else { return }
            guard case .active = state else { return work(false) }
            // Of this thread alone, as Linux has it. NIO tells nobody that a thread begins; setting what is set already
            // costs less than a microsecond.
            _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, priority)
            work(true)
        }
    }

    private final class WaitingWork: Sendable {
        private let turns = Mutex(ClientTurns<Work>())

        func append(_ client: String, _ work: @escaping Work) { turns.withLock { $0.append(work, of: client) } }

        func next() -> Work? { turns.withLock { $0.next() } }

        var count: Int { turns.withLock { $0.count } }
    }
}

/// Work that is run or dropped, whichever comes first, and then forgotten.
private final class PreparationJob<Value: Sendable>: Sendable {
    private struct State {
        var work: (@Sendable () throws -> Value)?
        var continuation: CheckedContinuation<Value, any Error>?
    }

    private let state: Mutex<State>

    init(_ work: @escaping @Sendable () throws -> Value) {
        state = Mutex(State(work: work))
    }

    /// False: the job was dropped before anyone waited for it.
    func wait(_ continuation: CheckedContinuation<Value, any Error>) -> Bool {
        let isWaiting = state.withLock { state in
            guard state.work != nil else { return false }
            state.continuation = continuation
            return true
        }
        if !isWaiting { continuation.resume(throwing: CancellationError()) }
        return isWaiting
    }

    func run() {
        let taken = take()
        guard let work = taken.work else { return }
        taken.continuation?.resume(with: Result(catching: work))
    }

    func drop(_ error: any Error) { take().continuation?.resume(throwing: error) }

    private func take() -> State {
        state.withLock { state in
            defer { state = State() }
            return state
        }
    }
}
