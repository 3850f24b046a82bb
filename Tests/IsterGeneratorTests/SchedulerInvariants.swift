@testable import IsterGenerator

/// What always holds; the first violation is thrown.
struct SchedulerInvariants {
    struct Violation: Error, CustomStringConvertible {
        let description: String
    }

    static func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
        if !condition { throw Violation(description: message()) }
    }

    /// Between plan and commit, or after a commit.
    static func check(_ scheduler: Scheduler) throws {
        try checkBlocks(scheduler)
        try checkSharing(scheduler)
        try checkPlaces(scheduler)
    }

    private static func checkBlocks(_ scheduler: Scheduler) throws {
        let pool = scheduler.pool
        var holders = Array(repeating: 0, count: pool.references.count)
        for entry in scheduler.running {
            let held = entry.blocks.dropFirst(entry.releasedCount)
            try require(Set(held).count == held.count, "\(entry.id) holds a block twice")
            try require(!held.contains(BlockPool.none), "\(entry.id) lacks a block")
            try checkWindow(entry, scheduler)
            for block in held { holders[Int(block)] += 1 }
        }
        try require(holders == pool.references, "references do not balance: \(holders), \(pool.references)")
        var lone = 0
        var idle = 0
        for index in pool.references.indices {
            let block = Int32(index)
            let isCached = pool.cache.contains(block)
            if holders[index] > 0, !isCached { lone += 1 }
            if holders[index] == 0, isCached { idle += 1 }
            guard pool.window == nil, holders[index] > 0, let node = pool.cache.node(of: block),
                let parent = pool.cache.parent(of: node)
            else { continue }
            let prefix = pool.cache.block(of: parent)
            try require(prefix.map { holders[Int($0)] > 0 } ?? false, "block \(block) is held without its prefix")
        }
        try require(idle == pool.cache.idleCount, "\(idle) idle blocks, counted \(pool.cache.idleCount)")
        try require(pool.unusedCount + pool.cache.count + lone == pool.blockCount, "blocks are lost")
    }

    /// Everything behind the window is given back, and nothing that is seen.
    private static func checkWindow(_ entry: SchedulerEntry, _ scheduler: Scheduler) throws {
        var count = 0
        if let window = scheduler.settings.window {
            count = max((entry.computedCount - window + 1) / 16, 0)
            // The last that the cache knows stays.
            if scheduler.pool.cachesPrefixes { count = max(min(count, entry.sharedCount - 1), 0) }
        }
        try require(entry.releasedCount == count, "\(entry.id) gave \(entry.releasedCount) of \(count) blocks back")
        let released = entry.blocks.prefix(count)
        try require(released.allSatisfy { $0 == BlockPool.none }, "\(entry.id) keeps a block that it gave back")
        let most = scheduler.settings.mostHeld ?? entry.blocks.count
        try require(entry.blocks.count - count <= most, "\(entry.id) holds more than it sees")
    }

    /// Two sequences share a block only if it is full and the tokens up to its end are the same.
    private static func checkSharing(_ scheduler: Scheduler) throws {
        var first: [Int32: (entry: Int, index: Int)] = [:]
        for (number, entry) in scheduler.running.enumerated() {
            for (index, block) in entry.blocks.enumerated() where block != BlockPool.none {
                guard let other = first[block] else {
                    first[block] = (number, index)
                    continue
                }
                let owner = scheduler.running[other.entry]
                let end = (index + 1) * PrefixCache.blockLength
                try require(
                    index == other.index && index < entry.sharedCount && index < owner.sharedCount
                        && owner.work.partition == entry.work.partition
                        && owner.tokens.prefix(end) == entry.tokens.prefix(end) && entry.computedCount >= end,
                    "block \(block) belongs to \(owner.id) and \(entry.id)")
            }
        }
    }

    private static func checkPlaces(_ scheduler: Scheduler) throws {
        let settings = scheduler.settings
        let places = scheduler.running.compactMap(\.sequence) + scheduler.freeSequences
        try require(places.sorted() == Array(0..<settings.runningCount), "places are lost: \(places)")
        let waiting = scheduler.queues.values.flatMap { $0 }
        try require(waiting.count == scheduler.waitingCount, "the waiting are miscounted")
        try require(
            waiting.reduce(0) { $0 + $1.work.prompt.count } == scheduler.waitingTokenCount,
            "waiting tokens are miscounted")
        // Those that ran before had their place in the queue's bounds then.
        let new = waiting.count { !$0.isPreempted }
        try require(new <= settings.limits.waitingCount + settings.runningCount, "\(new) wait")
        for (client, queue) in scheduler.queues {
            try require(!queue.isEmpty, "an empty queue of \(client)")
            let count = queue.count + scheduler.running.count { $0.work.client == client }
            try require(count == scheduler.shares.requestCount(client), "requests of \(client) are miscounted")
            try require(count <= settings.limits.perClientCount, "\(client) has \(count) requests")
        }
    }

    /// Of a plan that is not committed yet.
    static func check(_ plan: StepPlan, _ scheduler: Scheduler) throws {
        let settings = scheduler.settings
        try require(Set(plan.slices.map(\.sequence)).count == plan.slices.count, "a sequence is planned twice")
        try require(plan.rowCount <= settings.batchRows, "\(plan.rowCount) rows")
        let decoding = plan.slices.filter { slice in
            scheduler.running.contains { $0.id == slice.id && $0.tokens.count - slice.start == 1 }
        }
        if !decoding.isEmpty, decoding.count < plan.slices.count {
            let most = max(settings.limits.stepTokenCount, plan.slices.count)
            try require(plan.rowCount <= most, "\(plan.rowCount) rows while others decode")
        }
        try require(plan.slices.isEmpty == scheduler.running.isEmpty, "nobody moves")
        try require(!scheduler.running.isEmpty || scheduler.waitingCount == 0, "places are free, but requests wait")
        for slice in plan.slices {
            for block in slice.blocks[(slice.start / 16)...((slice.end - 1) / 16)] {
                try require(
                    scheduler.pool.references[Int(block)] == 1 && !scheduler.pool.cache.contains(block),
                    "\(slice.id) writes into block \(block), which others may read")
            }
        }
    }
}
