extension Scheduler {
    /// What the next forward call does. Each plan must be committed before the next.
    mutating func plan(now: Double) -> StepPlan {
        var plan = StepPlan(start: now)
        endLate(now)
        grow(&plan)
        makeWay(&plan)
        admit()
        endWaiting(now)
        plan.ended = ended
        ended = []
        addDecodeRows(&plan)
        addPromptRows(&plan)
        return plan
    }

    /// Ends what was cancelled or is past its deadline.
    private mutating func endLate(_ now: Double) {
        func isLate(_ entry: SchedulerEntry) -> Bool { entry.work.deadline.map { $0 <= now } ?? false }
        for index in running.indices.reversed() {
            let entry = running[index]
            guard isLate(entry) || cancelled.contains(entry.id) else { continue }
            ended.append((entry.id, cancelled.contains(entry.id) ? .cancelled : .deadline))
            finish(index)
        }
        if waitingCount > 0 { dequeue { isLate($0) ? .deadline : nil } }
    }

    /// Ends what got no place in time. Who ran before has been accepted for good.
    private mutating func endWaiting(_ now: Double) {
        guard waitingCount > 0 else { return }
        let limit = settings.limits.waitingSeconds
        dequeue { entry in
            let waited = now - entry.submitted
            return waited > limit && !entry.isPreempted ? .waitedTooLong(seconds: waited) : nil
        }
    }

    /// A block for each decoded sequence whose last is full. Prompts got theirs with their places; if there is a
    /// window, what they see at once, and now others for those that they gave back.
    private mutating func grow(_ plan: inout StepPlan) {
        for id in running.map(\.id) {
            while let index = running.firstIndex(where: { $0.id == id }),
                running[index].blocks.count < running[index].blockCount(mostHeld: settings.mostHeld)
            {
                if let block = pool.take() {
                    running[index].blocks.append(block)
                } else if let victim = preemptionVictim() {
                    preempt(victim, &plan)
                }
            }
        }
    }

    private mutating func addDecodeRows(_ plan: inout StepPlan) {
        for index in running.indices where running[index].pendingCount == 1 {
            addSlice(index, rows: 1, &plan)
        }
        plan.decodingCount = plan.slices.count
    }

    /// Fills the step up with slices of prompts.
    private mutating func addPromptRows(_ plan: inout StepPlan) {
        let decoding = plan.decodingCount
        var room = settings.batchRows - decoding
        if decoding > 0 {
            room = min(room, budget.promptRows(decoding: decoding))
        } else {
            room = budget.promptRowsAlone(batchRows: room)
        }
        // Whose rows take long makes way after fewer of them.
        let turn = min(settings.promptTurn, 2 * room)
        var candidates = running.indices.filter { running[$0].pendingCount > 1 }
        while room > 0, let index = nextPrompt(candidates, turn: turn) {
            if !running[index].hasStarted { extendPrefix(index) }
            let rows = min(room, running[index].pendingCount)
            currentPrompt = running[index].id
            addSlice(index, rows: rows, &plan)
            room -= rows
            candidates.removeAll { $0 == index }
        }
    }

    /// The prompt to go on with: the one in work, as long as its client is not too far ahead.
    private func nextPrompt(_ candidates: [Int], turn: Int) -> Int? {
        func served(_ index: Int) -> Int { shares.served(running[index].work.client) }
        func key(_ index: Int) -> (Int, Int, Int, Int) {
            let work = running[index].work
            return (served(index), shares.order(work.client), work.priority, running[index].id)
        }
        guard let least = candidates.min(by: { key($0) < key($1) }) else { return nil }
        if let current = candidates.first(where: { running[$0].id == currentPrompt }),
            served(current) - served(least) <= turn
        {
            return current
        }
        return least
    }

    /// What others computed since the request got its place need not be computed again.
    private mutating func extendPrefix(_ index: Int) {
        let entry = running[index]
        let cached = pool.cached(entry.tokens, partition: entry.work.partition, most: entry.cacheableBlockCount)
        guard cached.count > entry.sharedCount else { return }
        var extended = entry
        extended.begin(with: cached)
        let freshCount = extended.blockCount(mostHeld: settings.mostHeld) - extended.blocks.count
        let replaced = entry.blocks.prefix(cached.count)
        // Behind a window the prefix may hold more than the prompt did so far.
        guard pool.idleCount(cached) + freshCount <= pool.availableCount + pool.loneCount(replaced, besides: cached)
        else { return }
        pool.hold(cached)
        pool.release(replaced)
        extended.blocks += pool.take(freshCount)
        running[index] = extended
    }

    private mutating func addSlice(_ index: Int, rows: Int, _ plan: inout StepPlan) {
        let entry = running[index]
        let start = entry.computedCount
        let end = start + rows
        plan.slices.append(
            StepPlan.Slice(
                id: entry.id, sequence: entry.sequence ?? 0, start: start, tokens: Array(entry.tokens[start..<end]),
                logits: entry.logits(upTo: end), blocks: entry.blocks,
                newBlocks: entry.assignedCount < entry.blocks.count ? entry.assignedCount : nil,
                begins: entry.begins, startsWithCached: entry.hasStarted ? nil : start,
                promptTokenCount: entry.work.prompt.count,
                fillsContext: end >= settings.contextLength))
        running[index].assignedCount = entry.blocks.count
        running[index].begins = false
        running[index].hasStarted = true
        shares.charge(entry.work.client, rows: rows)
    }
}
