import IsterDecoder
import Synchronization

/// Runs requests of many clients at once on the compute thread. One forward call is the unit: requests join and leave
/// between two of them.
public actor Generator<Source: LogitSource>: TextGenerator {
    /// What callers on any thread share with the loop.
    struct Shared: Sendable {
        var scheduler: Scheduler
        /// Accepted since the last step.
        var arrivals: [(id: RequestID, request: ActiveRequest)] = []
        var isStopping = false
        /// The loop runs, or is about to.
        var isLooping = false
        /// Its counts since the start; the rest is the scheduler's.
        var load = GeneratorLoad()
    }

    public nonisolated let contextLength: Int
    public nonisolated let vocabularySize: Int
    let source: Source
    let isPaged: Bool
    let damageCheck: @Sendable () -> Bool
    /// Requests that are not over, by id.
    var active: [RequestID: ActiveRequest] = [:]
    nonisolated let shared: Mutex<Shared>
    private let thread: ComputeThread
    private let epoch = ContinuousClock.now

    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - source: made on `thread` (`ComputeThread.run`) and used nowhere else.
    ///   - damageCheck: asked after each forward call; true ends all requests with `modelDamaged` before a token of the
    ///     call is told.
    public init(
        thread: ComputeThread, source: sending Source, limits: GeneratorLimits = GeneratorLimits(),
        damageCheck: @escaping @Sendable () -> Bool = { false }
    ) {
        self.thread = thread
        self.damageCheck = damageCheck
        isPaged = source.blockCount > 0
        var limits = limits
        var blockCount = source.blockCount
        if !isPaged {
            // Each sequence has its own room: blocks are only counted.
            limits.cachesPrefixes = false
            let perSequence = source.contextLength / PrefixCache.blockLength + 1
            blockCount = min(perSequence, Int(Int32.max)) * source.sequenceCount
        }
        let settings = SchedulerSettings(
            contextLength: source.contextLength, blockCount: blockCount, batchRows: source.batchRows,
            sequenceCount: source.sequenceCount, limits: limits, window: isPaged ? source.widestWindow : nil)
        contextLength = settings.contextLength
        vocabularySize = source.vocabularySize
        shared = Mutex(Shared(scheduler: Scheduler(settings)))
        self.source = source
    }

    public nonisolated var load: GeneratorLoad {
        shared.withLock { state in
            var load = state.load
            load.runningCount = state.scheduler.running.count
            load.waitingCount = state.scheduler.waitingCount
            load.isFull = !state.scheduler.hasPlace
            load.blockCount = state.scheduler.pool.blockCount
            load.freeBlockCount = state.scheduler.pool.availableCount
            load.evictionCount = state.scheduler.pool.cache.evictionCount
            return load
        }
    }

    public nonisolated func stopAccepting() {
        shared.withLock { $0.isStopping = true }
    }

    /// Starts a request. `text` turns this request's ids into text.
    public nonisolated func generate(_ request: GenerationRequest, text: any TextStream) -> Generation {
        let (events, continuation) = AsyncThrowingStream.makeStream(of: GenerationEvent.self)
        do {
            let id = try accept(request, text, continuation)
            continuation.onTermination = { reason in
                if case .cancelled = reason { self.cancel(id) }
            }
            return Generation(events: events) { self.cancel(id) }
        } catch {
            continuation.finish(throwing: error)
            return Generation(events: events) {}
        }
    }

    private nonisolated func accept(
        _ request: GenerationRequest, _ text: any TextStream, _ events: ActiveRequest.Events
    ) throws(GenerationError) -> RequestID {
        try request.check(vocabularySize: vocabularySize, contextLength: contextLength)
        let now = seconds(.now)
        let work = ScheduledWork(request, deadline: request.deadline.map(seconds))
        let active = ActiveRequest(request, text: text, vocabularySize: vocabularySize, events: events, submitted: now)
        let (id, wakes) = try shared.withLock { state throws(GenerationError) in
            guard !state.isStopping || request.isContinuation else { throw .stopping }
            let (id, waiting) = try state.scheduler.submit(work, now: now)
            // Inside the lock: `started` must not come first.
            events.yield(.accepted(waiting: waiting))
            state.arrivals.append((id, active))
            defer { state.isLooping = true }
            return (id, !state.isLooping)
        }
        if wakes { Task { await self.run() } }
        return id
    }

    private nonisolated func cancel(_ id: RequestID) {
        shared.withLock { $0.scheduler.cancel(id) }
    }

    /// Steps until nothing is left to do.
    private func run() {
        while let plan = nextPlan() {
            if !plan.slices.isEmpty { execute(plan) }
        }
    }

    /// Takes in what came since the last step and tells who is over; nil when nobody is left.
    private func nextPlan() -> StepPlan? {
        let now = seconds(.now)
        let (plan, arrivals, isIdle) = shared.withLock { state in
            let plan = state.scheduler.plan(now: now)
            state.load.preemptionCount += plan.preempted.count
            let isIdle = state.scheduler.isIdle
            if isIdle { state.isLooping = false }
            defer { state.arrivals = [] }
            return (plan, state.arrivals, isIdle)
        }
        for (id, request) in arrivals { active[id] = request }
        for (id, end) in plan.ended {
            active[id]?.end(end, now)
            flush(id)
        }
        for id in plan.preempted { active[id]?.preempt() }
        return isIdle ? nil : plan
    }

    /// Sends what a request was told in this step.
    func flush(_ id: RequestID) {
        if active[id]?.flush() == true { active[id] = nil }
    }

    /// Since the generator was made.
    nonisolated func seconds(_ instant: ContinuousClock.Instant) -> Double {
        epoch.duration(to: instant).seconds
    }
}

extension ScheduledWork {
    init(_ request: GenerationRequest, deadline: Double?) {
        prompt = request.prompt
        client = request.client
        partition = request.cachePartition.map(CachePartition.named) ?? .client(request.client)
        priority = request.priority
        self.deadline = deadline
        if request.embeds {
            promptLogits = .states
        } else if request.scoresPrompt {
            promptLogits = .all
        } else {
            promptLogits = request.maximumNewTokens == 0 ? .none : .last
        }
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
