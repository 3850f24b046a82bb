import IsterDecoder

@testable import IsterGenerator

/// The real scheduler with a stub model, a virtual clock and a seed: requests arrive, are cancelled, run late, share
/// prefixes and run out of blocks, in settings that the seed chooses as well.
struct SchedulerSimulation {
    private struct Request {
        var work: ScheduledWork
        var partition: String
        var maximum: Int
        var states: [UInt64] = []
        var ids: [Int32] = []
        var cancelledAt: Double?
    }

    private(set) var scheduler: Scheduler
    private var random: RandomSequence
    private var cache: StubCache
    private var clock = 0.0
    private var living: [RequestID: Request] = [:]
    private var fairness = FairnessCheck()
    private var arrivalCount: Int
    private let arrivalChance: Int
    private let partitions: Int
    /// Changes with everything that was planned: equal for equal seeds.
    private(set) var digest: UInt64 = 0
    private(set) var counts = SimulationCounts()

    init(seed: UInt64) {
        var random = RandomSequence(seed: seed)
        func pick(_ range: ClosedRange<Int>) -> Int { random.pick(range) }
        let contextLength = pick(20...140)
        let sequenceCount = pick(1...6)
        var limits = GeneratorLimits(runningCount: pick(1...8))
        limits.waitingCount = pick(0...8)
        limits.waitingTokenCount = pick(20...400)
        limits.waitingSeconds = pick(0...3) == 0 ? 0.3 : 1000
        limits.perClientCount = pick(1...6)
        limits.stepTokenCount = pick(1...40)
        limits.stepSeconds = pick(0...2) == 0 ? nil : Double(pick(1...60)) / 1000
        limits.cachesPrefixes = pick(0...4) > 0
        let blockCount = pick(1...3) + contextLength / pick(10...20)
        let batchRows = pick(1...50)
        // With a window the pool may be smaller than a context.
        let window = pick(0...1) == 0 ? pick(1...60) : nil
        var settings = SchedulerSettings(
            contextLength: window == nil ? contextLength : contextLength * pick(1...3), blockCount: blockCount,
            batchRows: batchRows, sequenceCount: sequenceCount, limits: limits, window: window)
        settings.placeTurn = pick(4...200)
        scheduler = Scheduler(settings)
        cache = StubCache(blockCount: settings.blockCount, sequenceCount: sequenceCount, window: window)
        arrivalCount = pick(6...20)
        arrivalChance = pick(1...8)
        partitions = pick(1...3)
        self.random = random
    }

    /// Runs until everybody is gone.
    mutating func run() throws {
        while arrivalCount > 0 || !scheduler.isIdle {
            arrive()
            cancelSomebody()
            try step()
            counts.steps += 1
            try SchedulerInvariants.require(counts.steps < 20_000, "requests starve")
        }
        try SchedulerInvariants.require(living.isEmpty, "\(living.count) requests were never ended")
        let pool = scheduler.pool
        try SchedulerInvariants.require(pool.availableCount == pool.blockCount, "blocks did not come back")
        while scheduler.pool.take() != nil {}
        try SchedulerInvariants.require(scheduler.pool.cache.nodeCount == 0, "prefixes without blocks stayed")
    }

    private mutating func arrive() {
        while arrivalCount > 0, random.pick(1...8) <= arrivalChance {
            arrivalCount -= 1
            let request = request()
            do {
                let (id, _) = try scheduler.submit(request.work, now: clock)
                living[id] = request
                counts.accepted += 1
            } catch {
                counts.refused += 1
                note(1)
            }
        }
    }

    /// Prompts begin with parts of a few texts.
    private mutating func request() -> Request {
        let most = scheduler.settings.contextLength
        let text = random.pick(0...2)
        let shared = (0..<random.pick(0...random.pick(0...most))).map { Int32(($0 * $0 + text) % 5) }
        let own = (0..<random.pick(1...20)).map { _ in Int32(random.pick(0...4)) }
        var work = ScheduledWork(prompt: Array((shared + own).prefix(most)))
        work.client = "c\(random.pick(0...3))"
        let partition = random.pick(0...partitions)
        work.partition = partition == 0 ? .client(work.client) : .named("p\(partition)")
        work.priority = random.pick(0...2)
        if random.pick(0...6) == 0 { work.deadline = clock + Double(random.pick(0...300)) / 100 }
        var maximum = random.pick(0...random.pick(0...120))
        switch random.pick(0...6) {
        case 0: work.promptLogits = .all
        case 1:
            work.promptLogits = .states
            maximum = 0
        default: work.promptLogits = maximum == 0 ? .none : .last
        }
        return Request(
            work: work, partition: partition == 0 ? "client \(work.client)" : "p\(partition)", maximum: maximum)
    }

    private mutating func cancelSomebody() {
        guard random.pick(0...40) == 0, !living.isEmpty else { return }
        let ids = living.keys.sorted()
        let id = ids[random.pick(0...ids.count - 1)]
        living[id]?.cancelledAt = clock
        scheduler.cancel(id)
    }

    private mutating func step() throws {
        let plan = scheduler.plan(now: clock)
        try SchedulerInvariants.check(scheduler)
        try SchedulerInvariants.check(plan, scheduler)
        try fairness.check(scheduler)
        note(plan)
        for (id, end) in plan.ended { try finish(id, end) }
        for slice in plan.slices { try started(slice) }
        clock += 0.005 + 0.001 * Double(plan.rowCount)
        let outcomes = try plan.slices.map { try outcome($0) }
        scheduler.commit(plan, outcomes, now: clock)
        try SchedulerInvariants.check(scheduler)
        counts.preemptions += plan.preempted.count
        counts.released += scheduler.running.reduce(0) { $0 + $1.releasedCount }
        counts.prefixesWithoutStart += plan.slices.count { $0.startsWithCached != nil && $0.blocks.first == -1 }
        counts.longerThanPool += plan.slices.count { $0.end > scheduler.pool.blockCount * 16 }
    }

    private mutating func started(_ slice: StepPlan.Slice) throws {
        guard let cached = slice.startsWithCached, let request = living[slice.id] else { return }
        counts.cachedTokens += cached
        try SchedulerInvariants.require(
            cached == slice.start && cached < request.work.prompt.count, "\(cached) cached tokens at \(slice.start)")
        try SchedulerInvariants.require(
            cached == 0 || !request.work.needsEveryToken, "\(slice.id) wants every row and got cached ones")
    }

    private mutating func outcome(_ slice: StepPlan.Slice) throws -> SliceOutcome {
        guard var request = living[slice.id] else { throw StubCache.Damage(description: "\(slice.id) is over") }
        // One in 200 fails, as a damaged activation would make it.
        if random.pick(0...199) == 0 {
            living[slice.id] = nil
            return .failed
        }
        let start = StubCache.start(request.partition)
        let tokens = request.work.prompt + request.ids
        while request.states.count < tokens.count {
            request.states.append(StubCache.next(request.states.last ?? start, tokens[request.states.count]))
        }
        let state = try cache.run(slice, start: start, states: request.states)
        let givesToken = slice.end == tokens.count && request.maximum > 0
        try SchedulerInvariants.require(
            !givesToken || slice.logits == .last || slice.logits == .all, "\(slice.id) lacks its last row")
        let wasPromptDone = !request.ids.isEmpty
        try SchedulerInvariants.require(
            wasPromptDone || !request.work.needsEveryToken || slice.logits == request.work.promptLogits,
            "\(slice.id) lacks rows")
        guard slice.end == tokens.count else {
            living[slice.id] = request
            return .advanced(token: nil)
        }
        if request.maximum > 0 { request.ids.append(StubCache.token(state)) }
        living[slice.id] = request
        guard request.ids.count >= request.maximum || slice.fillsContext else {
            return .advanced(token: request.ids.last)
        }
        try finish(slice.id, nil)
        return .finished(token: request.ids.last)
    }

    /// end: nil when the request got all it wanted.
    private mutating func finish(_ id: RequestID, _ end: StepPlan.End?) throws {
        guard let request = living.removeValue(forKey: id) else {
            throw SchedulerInvariants.Violation(description: "\(id) ended twice")
        }
        let expected = StubCache.text(request.partition, prompt: request.work.prompt, count: request.ids.count)
        try SchedulerInvariants.require(request.ids == expected, "\(id) got another's text")
        switch end {
        case nil: counts.finished += 1
        case .cancelled: try SchedulerInvariants.require(request.cancelledAt == clock, "\(id) was cancelled late")
        case .deadline:
            try SchedulerInvariants.require((request.work.deadline ?? .infinity) <= clock, "\(id) had time")
        case .waitedTooLong(let seconds):
            try SchedulerInvariants.require(
                seconds > scheduler.settings.limits.waitingSeconds && request.states.isEmpty, "\(id) ran already")
        }
    }

    private mutating func note(_ plan: StepPlan) {
        for slice in plan.slices {
            for value in [slice.id, slice.sequence, slice.start, slice.tokens.count] { note(value) }
            for block in slice.blocks { note(Int(block)) }
        }
        for (id, _) in plan.ended { note(id) }
        for id in plan.preempted { note(id) }
    }

    private mutating func note(_ value: Int) {
        digest = (digest ^ UInt64(truncatingIfNeeded: value)) &* 0x100_0000_01B3
    }
}

/// What a run met: a simulation that never preempts proves nothing about preemption.
struct SimulationCounts {
    var steps = 0
    var accepted = 0
    var refused = 0
    var finished = 0
    var preemptions = 0
    var cachedTokens = 0
    /// Blocks behind windows, summed over the steps.
    var released = 0
    /// Requests that went on from a cached prefix whose first block was not needed.
    var prefixesWithoutStart = 0
    var longerThanPool = 0

    static func + (left: SimulationCounts, right: SimulationCounts) -> SimulationCounts {
        SimulationCounts(
            steps: left.steps + right.steps, accepted: left.accepted + right.accepted,
            refused: left.refused + right.refused, finished: left.finished + right.finished,
            preemptions: left.preemptions + right.preemptions, cachedTokens: left.cachedTokens + right.cachedTokens,
            released: left.released + right.released,
            prefixesWithoutStart: left.prefixesWithoutStart + right.prefixesWithoutStart,
            longerThanPool: left.longerThanPool + right.longerThanPool)
    }
}

extension RandomSequence {
    mutating func pick(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(nextBits() % UInt64(range.count))
    }
}
