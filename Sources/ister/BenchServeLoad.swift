import Synchronization

/// Sends the load of a plan.
struct BenchServeLoad {
    let plan: BenchServePlan
    let server: BenchServeConnection
    let model: String
    let prompts: BenchServePrompts

    /// Which request comes next, and how much of the answers has come.
    final class Counter: Sendable {
        private struct Counts {
            var started = 0
            var finished = 0
            var failed = 0
            var pieces = 0
            /// Of the answers that have come whole.
            var wholePieces = 0
            var isPastHalf = false
        }

        private let counts = Mutex(Counts())
        let limit: Int
        private let piecesPerAnswer: Double

        /// limit: requests. piecesPerAnswer: as far as is known before the first has been answered. Servers may send
        /// several tokens in one piece.
        init(limit: Int, piecesPerAnswer: Double) {
            self.limit = limit
            self.piecesPerAnswer = piecesPerAnswer
        }

        func next() -> Int? {
            counts.withLock { counts in
                guard counts.started < limit else { return nil }
                defer { counts.started += 1 }
                return counts.started
            }
        }

        /// Whether these pieces of text are those with which half of all have come.
        func count(pieces: Int) -> Bool {
            counts.withLock { counts in
                counts.pieces += pieces
                return reachesHalf(&counts)
            }
        }

        /// pieces: of the answer; nil for a request that failed. Whether this tells that half of all have come, or that
        /// no more will: answers that fail or are short must not keep the long prompt waiting for ever.
        func finish(pieces: Int?) -> Bool {
            counts.withLock { counts in
                counts.finished += 1
                counts.failed += pieces == nil ? 1 : 0
                counts.wholePieces += pieces ?? 0
                return reachesHalf(&counts) || counts.finished == limit
            }
        }

        /// True once.
        private func reachesHalf(_ counts: inout Counts) -> Bool {
            let whole = counts.finished - counts.failed
            let known = counts.wholePieces > 0 ? Double(counts.wholePieces) / Double(whole) : piecesPerAnswer
            let isPastHalf = Double(counts.pieces) >= max(Double(limit - counts.failed) * known / 2, 1)
            defer { counts.isPastHalf = counts.isPastHalf || isPastHalf }
            return isPastHalf && !counts.isPastHalf
        }
    }

    private enum Part: Sendable {
        case load([BenchServeRecord])
        case long(BenchServeRecord)
    }

    func run() async throws(Failure) -> BenchServeOutcome {
        let counter = Counter(limit: plan.requestCount, piecesPerAnswer: try await warmUp())
        let start = ContinuousClock.now
        let (halfTime, signal) = AsyncStream.makeStream(of: Void.self)
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
        outcome.requireLoadDuringLongPrompt()
        return outcome
    }

    /// Pieces of text in an answer: those of these requests, else one a token.
    private func warmUp() async throws(Failure) -> Double {
        var pieces = 0
        for index in 0..<plan.warmupCount {
            let record = await request(-2 - index, .now, shared: 0)
            if let failure = record.failure { throw Failure(.inputOutput, "\(server.url): \(failure)") }
            pieces += record.pieceTimes.count
        }
        return pieces > 0 ? Double(pieces) / Double(plan.warmupCount) : Double(plan.answerTokens)
    }

    private func addLoad(
        to group: inout TaskGroup<Part>, _ counter: Counter, _ start: ContinuousClock.Instant,
        _ halfTime: AsyncStream<Void>.Continuation
    ) {
        @Sendable func send(_ index: Int) async -> BenchServeRecord {
            let record = await request(index, start, shared: plan.sharedPrefix) { pieces in
                if counter.count(pieces: pieces) { halfTime.finish() }
            }
            if counter.finish(pieces: record.failure == nil ? record.pieceTimes.count : nil) { halfTime.finish() }
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

    private func request(
        _ index: Int, _ start: ContinuousClock.Instant, shared: Int,
        onPieces: @escaping @Sendable (Int) -> Void = { _ in }
    ) async -> BenchServeRecord {
        let prompt = prompts.prompt(index, tokens: plan.promptTokens, shared: shared)
        return await server.complete(
            model: model, prompt: prompt, answerTokens: plan.answerTokens, start: start, onPieces: onPieces)
    }
}
