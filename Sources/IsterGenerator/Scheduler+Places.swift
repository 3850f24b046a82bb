/// Who gets a place to run, and who loses it.
extension Scheduler {
    /// Gives places while there are free ones. Nobody overtakes the one whose turn it is: it would wait for ever behind
    /// smaller requests. Only while its own client has something running do the others go on: that one is served, and
    /// perhaps waits for nothing but the blocks of its own requests.
    mutating func admit() {
        var served: Set<String> = []
        while running.count < settings.runningCount, let client = nextClient(besides: served) {
            if placeFirst(of: client) { continue }
            guard running.contains(where: { $0.work.client == client }) else { return }
            served.insert(client)
        }
    }

    /// Gives the first of a client's queue a free place. False: there are too few blocks for it.
    @discardableResult
    private mutating func placeFirst(of client: String) -> Bool {
        guard let entry = queues[client]?.first else { return false }
        let need = need(of: entry)
        guard need.blockCount + margin(running.count) <= pool.availableCount else { return false }
        popFirst(of: client)
        place(entry, cached: need.cached)
        return true
    }

    private mutating func place(_ entry: SchedulerEntry, cached: [Int32]) {
        var entry = entry
        pool.hold(cached)
        entry.begin(with: cached)
        entry.blocks += pool.take(entry.blockCount(mostHeld: settings.mostHeld) - entry.blocks.count)
        entry.sequence = freeSequences.popLast()
        entry.isPreempted = false
        entry.placedCount = entry.tokens.count
        running.append(entry)
    }

    /// The waiting client that has had the least; what its running prompts still need counts as had.
    private func nextClient(besides others: Set<String>) -> String? {
        queues.keys.filter { !others.contains($0) }
            .min { (level($0), shares.order($0)) < (level($1), shares.order($1)) }
    }

    private func level(_ client: String) -> Int {
        running.reduce(shares.served(client)) { $0 + ($1.work.client == client ? $1.pendingCount : 0) }
    }

    /// The cached blocks of a waiting request, and how many available ones its tokens take, idle cached ones included.
    private func need(of entry: SchedulerEntry) -> (cached: [Int32], blockCount: Int) {
        let cached = pool.cached(entry.tokens, partition: entry.work.partition, most: entry.cacheableBlockCount)
        var begun = entry
        begun.begin(with: cached)
        let freshCount = begun.blockCount(mostHeld: settings.mostHeld) - cached.count
        return (cached, freshCount + pool.idleCount(cached))
    }

    /// Blocks that are left to the running requests, to grow by one each.
    private func margin(_ runningCount: Int) -> Int { runningCount }

    /// The next client of those that wait with nothing running gets a place from those that are far ahead of it.
    mutating func makeWay(_ plan: inout StepPlan) {
        let served = Set(running.map(\.work.client))
        guard let client = nextClient(besides: served), let entry = queues[client]?.first else { return }
        let own = level(client)
        let ahead = running.filter { level($0.work.client) - own > lead(of: $0) }
            .sorted { (level($0.work.client), $0.id) > (level($1.work.client), $1.id) }
        let needed = need(of: entry).blockCount
        var available = pool.availableCount
        var victims: [RequestID] = []
        func hasRoom() -> Bool {
            let left = running.count - victims.count
            return left < settings.runningCount && needed + margin(left) <= available
        }
        for victim in ahead where !hasRoom() {
            victims.append(victim.id)
            available += pool.loneCount(victim.blocks)
        }
        guard hasRoom(), !victims.isEmpty else { return }
        for id in victims {
            if let index = running.firstIndex(where: { $0.id == id }) { preempt(index, &plan) }
        }
        // At once: it was made free for this client, not for one that has had less, but has something running.
        placeFirst(of: client)
    }

    /// Rows by which a running request's client may be ahead before the request makes way. Whose text was long when it
    /// got its place has computed much for it and may stay longer, for half a turn at least. Not counted is what it has
    /// written since: that grows as fast as its client's level, which then would never get far enough ahead.
    private func lead(of entry: SchedulerEntry) -> Int {
        max(settings.placeTurn, entry.placedCount + settings.placeTurn / 2)
    }

    /// The youngest request of the client with the most blocks.
    func preemptionVictim() -> Int? {
        var held: [String: Int] = [:]
        for entry in running { held[entry.work.client, default: 0] += entry.blocks.count - entry.releasedCount }
        func key(_ index: Int) -> (Int, Int, Int, Int) {
            let entry = running[index]
            let client = entry.work.client
            return (held[client] ?? 0, shares.order(client), entry.work.priority, entry.id)
        }
        return running.indices.max { key($0) < key($1) }
    }

    /// Sends a running request back to the head of its queue. Its full blocks stay in the prefix cache.
    mutating func preempt(_ index: Int, _ plan: inout StepPlan) {
        var entry = running.remove(at: index)
        giveBack(entry)
        entry.vacate()
        plan.preempted.append(entry.id)
        enqueue(entry)
    }
}
