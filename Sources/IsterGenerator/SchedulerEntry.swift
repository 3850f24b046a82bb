import IsterDecoder

/// One request as the scheduler sees it.
struct SchedulerEntry: Sendable {
    let id: RequestID
    let work: ScheduledWork
    let submitted: Double
    /// Prompt and generated tokens.
    var tokens: [Int32]
    /// Tokens that it had when it got its place.
    var placedCount = 0
    /// Tokens whose keys and values are in `blocks`.
    var computedCount = 0
    /// From position 0 on; `BlockPool.none` for those that were given back.
    var blocks: [Int32] = []
    /// Leading blocks that lie behind every window and were given back.
    var releasedCount = 0
    /// Leading blocks that the prefix cache knows.
    var sharedCount = 0
    /// Leading blocks that the decoder knows.
    var assignedCount = 0
    /// Its place in the decoder while it runs.
    var sequence: Int?
    var hasStarted = false
    /// It ran before and lost its place.
    var isPreempted = false
    /// The decoder's sequence still has to be set up.
    var begins = true
    var isPromptDone = false

    init(id: RequestID, work: ScheduledWork, submitted: Double) {
        self.id = id
        self.work = work
        self.submitted = submitted
        tokens = work.prompt
    }

    /// Tokens that are not computed yet; one of a sequence that is decoded.
    var pendingCount: Int { tokens.count - computedCount }

    /// Blocks that hold all tokens.
    var neededBlockCount: Int { (tokens.count + PrefixCache.blockLength - 1) / PrefixCache.blockLength }

    /// Blocks that the sequence holds before the next step, from position 0 on; mostHeld: at once, if there is a
    /// window.
    func blockCount(mostHeld: Int?) -> Int {
        mostHeld.map { min(neededBlockCount, releasedCount + $0) } ?? neededBlockCount
    }

    /// Full blocks that may come from the cache: the last token is always computed, for its logits.
    var cacheableBlockCount: Int {
        work.needsEveryToken && !isPromptDone ? 0 : (tokens.count - 1) / PrefixCache.blockLength
    }

    /// Which rows a slice up to `end` asks for.
    func logits(upTo end: Int) -> LogitSelection {
        if !isPromptDone {
            if work.needsEveryToken { return work.promptLogits }
            return end == tokens.count ? work.promptLogits : .none
        }
        return end == tokens.count ? .last : .none
    }

    /// Begins with blocks that the cache knew.
    mutating func begin(with cached: [Int32]) {
        blocks = cached + blocks.dropFirst(cached.count)
        releasedCount = cached.prefix { $0 == BlockPool.none }.count
        sharedCount = cached.count
        computedCount = cached.count * PrefixCache.blockLength
    }

    /// The order in which requests of one client run.
    func precedes(_ other: SchedulerEntry) -> Bool {
        if isPreempted != other.isPreempted { return isPreempted }
        if work.priority != other.work.priority { return work.priority < other.work.priority }
        return id < other.id
    }

    /// Loses its place. What it has to say stays.
    mutating func vacate() {
        computedCount = 0
        blocks = []
        releasedCount = 0
        sharedCount = 0
        assignedCount = 0
        sequence = nil
        isPreempted = true
        begins = true
    }
}
