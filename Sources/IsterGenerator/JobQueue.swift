import Glibc
import Synchronization

/// Jobs that wait for the compute thread.
/// Sendable: the list is behind a mutex; the semaphore is made in `init`, freed in `deinit`, and its calls are
/// thread-safe in between.
@safe final class JobQueue: @unchecked Sendable {
    /// A job keeps its actor alive and the actor keeps the executor, so neither reference dangles.
    @safe struct Entry {
        let job: UnownedJob
        let executor: UnownedSerialExecutor

        func run() {
            unsafe job.runSynchronously(on: executor)
        }
    }

    private struct Waiting {
        var entries: [Entry] = []
        var isClosed = false
    }

    private let waiting = Mutex(Waiting())
    private let arrivals: UnsafeMutablePointer<sem_t>

    init() {
        unsafe arrivals = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        unsafe arrivals.initialize(to: sem_t())
        unsafe sem_init(arrivals, 0, 0)
    }

    deinit {
        unsafe sem_destroy(arrivals)
        unsafe arrivals.deallocate()
    }

    func append(_ entry: Entry) {
        waiting.withLock { $0.entries.append(entry) }
        unsafe sem_post(arrivals)
    }

    func close() {
        waiting.withLock { $0.isClosed = true }
        unsafe sem_post(arrivals)
    }

    /// The thread's body: runs entries in order, until the queue is closed and empty.
    func runUntilClosed() {
        while true {
            // EINTR only makes a round without an entry.
            unsafe sem_wait(arrivals)
            let (next, isClosed) = waiting.withLock { state in
                (state.entries.isEmpty ? nil : state.entries.removeFirst(), state.isClosed)
            }
            if let next {
                next.run()
            } else if isClosed {
                return
            }
        }
    }
}
