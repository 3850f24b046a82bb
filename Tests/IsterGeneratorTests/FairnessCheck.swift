@testable import IsterGenerator

/// While a client waits with nothing running, others get ahead of it by a turn and what they had begun, not more.
struct FairnessCheck {
    /// By waiting client, what each other had when the wait began.
    private var waits: [String: [String: Int]] = [:]

    mutating func check(_ scheduler: Scheduler) throws {
        let running = Set(scheduler.running.map(\.work.client))
        let clients = running.union(scheduler.queues.keys)
        waits = waits.filter { scheduler.queues[$0.key] != nil && !running.contains($0.key) }
        let settings = scheduler.settings
        let slack =
            max(settings.placeTurn, settings.contextLength + settings.placeTurn / 2)
            + settings.contextLength * settings.runningCount + settings.batchRows
        for client in scheduler.queues.keys where !running.contains(client) {
            var before = waits[client] ?? [:]
            let level = scheduler.shares.served(client)
            for other in clients where other != client {
                let served = scheduler.shares.served(other)
                let start = before[other] ?? served
                before[other] = start
                try SchedulerInvariants.require(
                    served <= max(start, level) + slack,
                    "\(client) waits at \(level) while \(other) went from \(start) to \(served)")
            }
            waits[client] = before
        }
    }
}
