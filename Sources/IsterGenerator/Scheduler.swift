import IsterDecoder

/// What the scheduler divides up.
struct SchedulerSettings: Sendable {
    /// Positions that one request can hold.
    let contextLength: Int
    let blockCount: Int
    /// Most rows of one forward call.
    let batchRows: Int
    /// Requests that hold blocks at once.
    let runningCount: Int
    let limits: GeneratorLimits
    /// Rows by which a prompt in work may get ahead of another client's before that one comes first.
    let promptTurn: Int
    /// Rows by which running clients may get ahead of one that waits with nothing running before they make way; by more
    /// if they have long texts.
    /// At a few tokens a second for each request this still comes before who waits is told that it took too long.
    var placeTurn = 256
    /// The widest of the layers' sliding windows: blocks behind it are given back. nil: some layer sees every position.
    let window: Int?
    /// Blocks that a request holds at once when there is a window.
    let mostHeld: Int?

    /// sequenceCount: places of the decoder.
    init(
        contextLength: Int, blockCount: Int, batchRows: Int, sequenceCount: Int, limits: GeneratorLimits,
        window: Int? = nil
    ) {
        // Block numbers are Int32.
        self.blockCount = min(blockCount, Int(Int32.max))
        self.window = window
        // One more: the last that the prefix cache knows, wherever the window begins.
        mostHeld = window.map {
            Decoder.blocksInSight(window: $0, positions: contextLength, batchRows: batchRows) + 1
        }
        // A request alone always finds blocks for what it sees of its context.
        let fitsWindow = mostHeld.map { $0 <= blockCount } ?? false
        self.contextLength = fitsWindow ? contextLength : min(contextLength, self.blockCount * PrefixCache.blockLength)
        self.batchRows = batchRows
        // A forward call has at least a row for each.
        runningCount = max(min(limits.runningCount, sequenceCount, batchRows), 1)
        self.limits = limits
        promptTurn = min(limits.stepTokenCount, Int(Int32.max)) * 2
    }
}

/// Decides what runs in each step: which rows go into the next forward call, who waits, who makes way. A value without
/// tensors, clock or threads: time is told in seconds, and the same calls give the same plans.
///
/// A step decodes one token of each running request and fills up with slices of prompts. Work on prompts and places to
/// run go to the client with the fewest rows so far, within a client by priority, then arrival. When blocks run out,
/// the youngest request of the client with the most blocks goes back to its queue; its full blocks stay in the prefix
/// cache. Blocks that lie behind the sliding windows of all layers are given back while the request runs.
struct Scheduler: Sendable {
    let settings: SchedulerSettings
    var pool: BlockPool
    var shares = FairShares()
    /// In the order in which they got their places.
    var running: [SchedulerEntry] = []
    /// By client, none of them empty, each in the order in which its requests get places.
    var queues: [String: [SchedulerEntry]] = [:]
    private(set) var waitingTokenCount = 0
    private(set) var waitingCount = 0
    var freeSequences: [Int]
    var cancelled: Set<RequestID> = []
    /// Ended since the last plan.
    var ended: [(id: RequestID, end: StepPlan.End)] = []
    var budget: StepBudget
    /// The prompt that the last slice belonged to.
    var currentPrompt: RequestID?
    private var nextID = 0
    private var completions = CompletionRate()

    init(_ settings: SchedulerSettings) {
        self.settings = settings
        budget = StepBudget(mostRows: settings.limits.stepTokenCount, seconds: settings.limits.stepSeconds)
        pool = BlockPool(
            blockCount: settings.blockCount, cachesPrefixes: settings.limits.cachesPrefixes, window: settings.window)
        freeSequences = Array((0..<settings.runningCount).reversed())
    }

    /// Nothing is left to do or to tell.
    var isIdle: Bool { running.isEmpty && waitingCount == 0 && ended.isEmpty }

    /// Whether the queue takes another request. Who gets a place in the next step does not wait.
    var hasPlace: Bool {
        waitingCount - (settings.runningCount - running.count) < settings.limits.waitingCount
    }

    /// Whether the prompt fits the bound of those that wait. One that finds a free place does not wait, and one of any
    /// length may: of each client, or one that sends all it may would keep out the others.
    private func mayWait(_ work: ScheduledWork) -> Bool {
        let freeCount = settings.runningCount - running.count
        return waitingCount < max(freeCount, 1) || queues[work.client] == nil
            || settings.limits.waitingTokenCount - waitingTokenCount >= work.prompt.count
    }

    /// Takes a request into its client's queue, behind `waiting` others of all clients.
    mutating func submit(
        _ work: ScheduledWork, now: Double
    ) throws(GenerationError) -> (id: RequestID, waiting: Int) {
        let limits = settings.limits
        guard work.prompt.count <= settings.contextLength else {
            throw .promptTooLong(tokens: work.prompt.count, contextLength: settings.contextLength)
        }
        // First, for another machine may have a place for this client.
        guard hasPlace, mayWait(work) else {
            let retryAfter = CompletionRate.bounded(completions.secondsPerRequest)
            throw .queueFull(waiting: waitingCount, retryAfter: retryAfter)
        }
        let ownCount = shares.requestCount(work.client)
        guard ownCount < limits.perClientCount else {
            let retryAfter = completions.secondsPerRequest * Double(running.count + 1) / Double(ownCount + 1)
            throw .clientLimit(client: work.client, count: ownCount, retryAfter: CompletionRate.bounded(retryAfter))
        }
        if isIdle { completions.start(now) }
        let entry = SchedulerEntry(id: nextID, work: work, submitted: now)
        nextID += 1
        shares.enter(work.client)
        let waiting = waitingCount
        enqueue(entry)
        return (entry.id, waiting)
    }

    /// Ends a request in the next plan. One that is over already is left alone.
    mutating func cancel(_ id: RequestID) {
        if running.contains(where: { $0.id == id }) {
            cancelled.insert(id)
        } else {
            dequeue { $0.id == id ? .cancelled : nil }
        }
    }

    /// What came of a plan; an outcome for each slice.
    mutating func commit(_ plan: StepPlan, _ outcomes: [SliceOutcome], now: Double) {
        let (decoding, rows) = (plan.decodingCount, plan.rowCount)
        budget.observe(decoding: decoding, prompts: rows - decoding, seconds: now - plan.start)
        for (slice, outcome) in zip(plan.slices, outcomes) {
            guard let index = running.firstIndex(where: { $0.id == slice.id }) else { continue }
            if outcome != .failed { advance(index, to: slice.end) }
            if case .advanced(let token) = outcome {
                if let token { running[index].tokens.append(token) }
                continue
            }
            completions.count(now)
            finish(index)
        }
    }

    /// Ends everything at once. Their ids, in order.
    mutating func removeAll() -> [RequestID] {
        var ids = running.map(\.id) + ended.map(\.id)
        while let index = running.indices.last { finish(index) }
        dequeue { _ in .cancelled }
        ids += ended.map(\.id)
        ended = []
        return Set(ids).sorted()
    }

    /// Counts computed tokens, shares the blocks that became full and gives back those that nobody sees any more.
    private mutating func advance(_ index: Int, to computedCount: Int) {
        running[index].computedCount = computedCount
        if computedCount >= running[index].work.prompt.count { running[index].isPromptDone = true }
        if pool.cachesPrefixes { share(index) }
        let behind = pool.behindCount(computed: computedCount, shared: running[index].sharedCount)
        for block in running[index].releasedCount..<max(behind, running[index].releasedCount) {
            pool.release(CollectionOfOne(running[index].blocks[block]))
            running[index].blocks[block] = BlockPool.none
            running[index].releasedCount += 1
        }
    }

    private mutating func share(_ index: Int) {
        let fullCount = running[index].computedCount / PrefixCache.blockLength
        while running[index].sharedCount < fullCount {
            let block = running[index].sharedCount
            let (tokens, partition) = (running[index].tokens, running[index].work.partition)
            if pool.share(&running[index].blocks, block, tokens: tokens, partition: partition) {
                running[index].assignedCount = min(running[index].assignedCount, block)
            }
            running[index].sharedCount += 1
        }
    }

    /// Ends a running request.
    mutating func finish(_ index: Int) {
        let entry = running.remove(at: index)
        cancelled.remove(entry.id)
        giveBack(entry)
        shares.leave(entry.work.client)
    }

    /// Returns an entry's blocks and its place in the decoder.
    mutating func giveBack(_ entry: SchedulerEntry) {
        pool.release(entry.blocks)
        if let sequence = entry.sequence { freeSequences.append(sequence) }
    }

    mutating func enqueue(_ entry: SchedulerEntry) {
        let queue = queues[entry.work.client] ?? []
        let index = queue.firstIndex { entry.precedes($0) } ?? queue.count
        queues[entry.work.client, default: []].insert(entry, at: index)
        waitingCount += 1
        waitingTokenCount += entry.work.prompt.count
    }

    /// Takes the first of a client's queue, to give it a place.
    mutating func popFirst(of client: String) {
        guard let entry = queues[client]?.removeFirst() else { return }
        left(entry)
    }

    /// Ends waiting requests for which `end` has a reason.
    mutating func dequeue(_ end: (SchedulerEntry) -> StepPlan.End?) {
        for client in queues.keys.sorted() {
            for (index, entry) in (queues[client] ?? []).enumerated().reversed() {
                guard let reason = end(entry) else { continue }
                queues[client]?.remove(at: index)
                left(entry)
                shares.leave(client)
                ended.append((entry.id, reason))
            }
        }
    }

    private mutating func left(_ entry: SchedulerEntry) {
        if queues[entry.work.client]?.isEmpty == true { queues[entry.work.client] = nil }
        waitingCount -= 1
        waitingTokenCount -= entry.work.prompt.count
    }
}

/// How often requests end, to tell a refused client when to come back.
struct CompletionRate {
    private var last = 0.0
    private var mean: Double?

    /// Before anything has ended.
    private static let guess = 5.0

    /// Seconds from one end to the next while there is work.
    var secondsPerRequest: Double { mean ?? Self.guess }

    static func bounded(_ seconds: Double) -> Double { min(max(seconds, 1), 60) }

    /// Work begins after a pause.
    mutating func start(_ now: Double) { last = now }

    mutating func count(_ now: Double) {
        let interval = max(now - last, 0)
        mean = mean.map { 0.8 * $0 + 0.2 * interval } ?? interval
        last = now
    }
}
