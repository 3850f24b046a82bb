import Synchronization

/// Sends the load of a plan.
struct BenchServeLoad {
    let plan: BenchServePlan
    let server: BenchServeConnection
    let model: String
    let prompts: BenchServePrompts

    /// Which request comes next, and how many are answered.
    private final class Counter: Sendable {
        private let counts = Mutex((started: 0, finished: 0))
        let limit: Int

        init(limit: Int) { self.limit = limit }

        func next() -> Int? {
            counts.withLock { counts in
                guard counts.started < limit else { return nil }
                defer { counts.started += 1 }
                return counts.started
            }
        }

        /// Whether half of the requests are answered with this one.
        func finish() -> Bool {
            counts.withLock { counts in
                counts.finished += 1
                return counts.finished == (limit + 1) / 2
            }
        }
    }

    private enum Part: Sendable {
        case load([BenchServeRecord])
        case long(BenchServeRecord)
    }

    func run() async throws(Failure) -> BenchServeOutcome {
        for index in 0..<plan.warmupCount {
            let record = await request(-2 - index, .now, shared: 0)
            if let failure = record.failure { throw Failure(.inputOutput, "\(server.url): \(failure)") }
        }
        let start = ContinuousClock.now
        let (halfTime, signal) = AsyncStream.makeStream(of: Void.self)
        let counter = Counter(limit: plan.requestCount)
        let parts = await withTaskGroup(of: Part.self) { group in
            addLoad(to: &group, counter, start, signal)
            if let tokens = plan.longPrompt {
                group.addTask {
                    for await _ in halfTime { break }
                    let prompt = prompts.prompt(-1_000_000, tokens: tokens, shared: 0)
                    return .long(await server.complete(model: model, prompt: prompt, answerTokens: 1, start: start))
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var outcome = BenchServeOutcome(plan: plan, url: server.url, model: model, promptForm: prompts.form)
        for part in parts {
            switch part {
            case .load(let records): outcome.records += records
            case .long(let record): outcome.long = record
            }
        }
        outcome.records.sort { $0.start < $1.start }
        return outcome
    }

    private func addLoad(
        to group: inout TaskGroup<Part>, _ counter: Counter, _ start: ContinuousClock.Instant,
        _ halfTime: AsyncStream<Void>.Continuation
    ) {
        @Sendable func send(_ index: Int) async -> BenchServeRecord {
            let record = await request(index, start, shared: plan.sharedPrefix)
            if counter.finish() { halfTime.finish() }
            return record
        }
        switch plan.arrival {
        case .clients(let count):
            for _ in 0..<count {
                group.addTask {
                    var records: [BenchServeRecord] = []
                    while let index = counter.next() { records.append(await send(index)) }
                    return .load(records)
                }
            }
        case .rate(let rate):
            for (index, time) in plan.arrivals(rate: rate).enumerated() {
                group.addTask {
                    // Cancellation is not used here: a sleep that ends early would only send early.
                    try? await Task.sleep(until: start + .seconds(time))
                    return .load([await send(index)])
                }
            }
        }
    }

    private func request(_ index: Int, _ start: ContinuousClock.Instant, shared: Int) async -> BenchServeRecord {
        let prompt = prompts.prompt(index, tokens: plan.promptTokens, shared: shared)
        return await server.complete(model: model, prompt: prompt, answerTokens: plan.answerTokens, start: start)
    }
}
