internal import CIsterKernels

/// Owner of a thread team. One thread, always the same, runs it.
@safe final class Team {
    let handle: OpaquePointer
    let workers: Int
    let placement: Placement
    /// Workers that took part in the last call: fewer than `workers` for a while where waiting for all of them is
    /// slower.
    private(set) var workersOfLastRun = 0

    /// Polls before a wait sleeps: about 50 us; none when the workers outnumber the processors, since then the
    /// one that is waited for needs the processor.
    private static let spin = 2000

    /// nodes: where memory lies; workers stay on their node's processors when there are several.
    init(workers: Int, nodes: [MemoryNode] = Machine.memoryNodes) throws(DecoderError) {
        let crowded = workers > Machine.allowedProcessors.count
        guard let handle = unsafe ister_team_create(workers, crowded ? 0 : Self.spin) else {
            throw .threadsRefused(count: workers)
        }
        unsafe self.handle = unsafe handle
        self.workers = workers
        placement = Placement(workers: workers, nodes: nodes)
        guard placement.isSpread else { return }
        for (worker, node) in placement.nodeOfWorker.enumerated() {
            let processors = nodes[node].processors.map(Int32.init)
            guard unsafe ister_team_place(handle, worker, node, processors, processors.count) == 0 else {
                throw .outOfMemory(what: "thread team", bytes: workers * 136)
            }
        }
    }

    deinit { unsafe ister_team_destroy(handle) }

    /// Runs `body` on every worker with a pointer to `job`.
    func run<Job>(_ job: inout Job, _ body: @escaping ister_team_function) {
        unsafe withUnsafeMutablePointer(to: &job) { pointer in
            workersOfLastRun = unsafe ister_team_run(handle, body, pointer)
        }
    }

    /// Lets all workers take part in the next call.
    func recall() { unsafe ister_team_recall(handle) }
}
