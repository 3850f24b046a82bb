import Glibc

/// An executor that is one pthread of our own. The OpenMP runtime keeps a team for each thread that enters it, and
/// Swift's tasks move between threads: work that runs here always meets the same team.
/// The thread ends when the executor is released.
public final class ComputeThread: SerialExecutor {
    let jobs = JobQueue()

    /// Starts the thread.
    public init() throws(ComputeThreadError) {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        // Not the limit of the shell that started us: results must not depend on `ulimit -s`.
        unsafe pthread_attr_setstacksize(&attributes, 8 << 20)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(jobs)
        let code = unsafe pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<JobQueue>.fromOpaque(argument).takeRetainedValue().runUntilClosed()
                return nil
            }, argument.toOpaque())
        guard code == 0 else {
            unsafe argument.release()
            throw ComputeThreadError(code: code)
        }
    }

    deinit {
        jobs.close()
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        unsafe jobs.append(JobQueue.Entry(job: UnownedJob(job), executor: asUnownedSerialExecutor()))
    }

    /// Runs `body` on the thread and returns its value.
    public func run<Value, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> sending Value
    ) async throws(Failure) -> sending Value {
        try await Visit(thread: self).run(body)
    }

    /// An actor without state, to get onto the thread.
    private actor Visit {
        let thread: ComputeThread
        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

        init(thread: ComputeThread) {
            self.thread = thread
        }

        func run<Value, Failure: Error>(
            _ body: @Sendable () throws(Failure) -> sending Value
        ) throws(Failure) -> sending Value {
            try body()
        }
    }
}

/// The system refused a thread.
public struct ComputeThreadError: Error, CustomStringConvertible {
    public let code: Int32

    public var description: String {
        "the compute thread could not be started (error \(code))"
    }
}
