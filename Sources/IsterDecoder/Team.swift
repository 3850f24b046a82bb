internal import CIsterKernels

/// Owner of a thread team. One thread, always the same, runs it.
@safe final class Team {
    let handle: OpaquePointer
    let workers: Int

    /// Polls before a wait sleeps: about 50 us; none when the workers outnumber the processors, since then the
    /// one that is waited for needs the processor.
    private static let spin = 2000

    init(workers: Int) throws(DecoderError) {
        let crowded = workers > Machine.allowedProcessors.count
        guard let handle = unsafe ister_team_create(workers, crowded ? 0 : Self.spin) else {
            throw .outOfMemory(what: "thread team", bytes: workers * 128)
        }
        unsafe self.handle = unsafe handle
        self.workers = workers
    }

    deinit { unsafe ister_team_destroy(handle) }

    /// Runs `body` on every worker with a pointer to `job`.
    func run<Job>(_ job: inout Job, _ body: @escaping ister_team_function) {
        unsafe withUnsafeMutablePointer(to: &job) { pointer in
            _ = unsafe ister_team_run(handle, body, pointer)
        }
    }
}
