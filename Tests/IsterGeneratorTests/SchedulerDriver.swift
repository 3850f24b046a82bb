import IsterDecoder

@testable import IsterGenerator

/// Runs a scheduler with a model that never ends a text, unless told.
struct SchedulerDriver {
    var scheduler: Scheduler
    /// Tokens that a request still wants.
    var left: [RequestID: Int] = [:]
    var names: [RequestID: String] = [:]
    /// Requests whose next slice cannot be computed.
    var failing: Set<RequestID> = []
    var starts: [String] = []
    var clock = 0.0
    /// Of a step, by its rows.
    var seconds: (Int) -> Double = { _ in 1 }

    init(
        blocks: Int = 100, rows: Int = 64, sequences: Int = 4, context: Int = 400, placeTurn: Int = 1024,
        window: Int? = nil, _ change: (inout GeneratorLimits) -> Void = { _ in }
    ) {
        var limits = GeneratorLimits(runningCount: sequences)
        change(&limits)
        var settings = SchedulerSettings(
            contextLength: context, blockCount: blocks, batchRows: rows, sequenceCount: sequences, limits: limits,
            window: window)
        settings.placeTurn = placeTurn
        scheduler = Scheduler(settings)
    }

    @discardableResult
    mutating func submit(
        _ name: String, client: String = "", prompt: Int, tokens: Int = 1, priority: Int = 0, first: Int32 = 0
    ) throws -> RequestID {
        var work = ScheduledWork(prompt: (0..<Int32(prompt)).map { first + $0 })
        work.client = client
        work.partition = .client(client)
        work.priority = priority
        let id = try scheduler.submit(work, now: clock).id
        left[id] = tokens
        names[id] = name
        return id
    }

    /// Rows of each request in the next step.
    mutating func step() -> [String: Int] {
        let plan = scheduler.plan(now: clock)
        var rows: [String: Int] = [:]
        var outcomes: [SliceOutcome] = []
        for slice in plan.slices {
            let name = names[slice.id] ?? ""
            rows[name] = slice.tokens.count
            if slice.startsWithCached != nil { starts.append(name) }
            guard !failing.contains(slice.id) else {
                outcomes.append(.failed)
                continue
            }
            guard slice.logits == .last else {
                outcomes.append(.advanced(token: nil))
                continue
            }
            left[slice.id, default: 0] -= 1
            outcomes.append(left[slice.id] == 0 ? .finished(token: 7) : .advanced(token: 7))
        }
        clock += seconds(plan.rowCount)
        scheduler.commit(plan, outcomes, now: clock)
        return rows
    }
}
