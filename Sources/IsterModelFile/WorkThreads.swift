internal import Glibc

/// Threads that run one body each and end. Their owner waits for them.
struct WorkThreads {
    /// Between two looks at how far the threads are.
    static let waitingTime = Duration.milliseconds(100)

    private let job: Job
    private var threads: [pthread_t] = []

    /// Starts up to `count` threads; fewer when the system refuses one.
    init(count: Int, _ body: @escaping @Sendable () -> Void) {
        job = Job(body)
        while threads.count < count, let thread = Self.start(job) { threads.append(thread) }
    }

    var isEmpty: Bool { threads.isEmpty }

    /// Returns when all threads have ended. `tick` is called about ten times a second.
    func wait(_ tick: () -> Void) {
        var ended = 0
        while ended < threads.count {
            if job.waitForEnd() { ended += 1 } else { tick() }
        }
        for thread in threads { pthread_join(thread, nil) }
    }

    private static func start(_ job: Job) -> pthread_t? {
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(job)
        let code = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument.toOpaque())
        if code == 0 { return thread }
        unsafe argument.release()
        return nil
    }

    /// Sendable: the body is constant and Sendable, the semaphore is made for several threads and destroyed with the
    /// last reference, which every thread holds until its end.
    @safe private final class Job: @unchecked Sendable {
        private let body: @Sendable () -> Void
        /// Counts threads that have ended.
        private let ends: UnsafeMutablePointer<sem_t>

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
            unsafe ends = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
            unsafe sem_init(ends, 0, 0)
        }

        deinit {
            unsafe sem_destroy(ends)
            unsafe ends.deallocate()
        }

        func run() {
            body()
            unsafe sem_post(ends)
        }

        /// False when no thread has ended within the waiting time.
        func waitForEnd() -> Bool {
            var deadline = timespec()
            unsafe clock_gettime(CLOCK_REALTIME, &deadline)
            let nanoseconds = deadline.tv_nsec + Int(waitingTime / .nanoseconds(1))
            deadline.tv_sec += nanoseconds / 1_000_000_000
            deadline.tv_nsec = nanoseconds % 1_000_000_000
            while unsafe sem_timedwait(ends, &deadline) != 0 {
                if errno != EINTR { return false }
            }
            return true
        }
    }
}
