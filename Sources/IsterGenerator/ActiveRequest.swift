import IsterDecoder

/// A request from its acceptance to its last event.
struct ActiveRequest: Sendable {
    typealias Events = AsyncThrowingStream<GenerationEvent, any Error>.Continuation

    private var sequence: GenerationSequence
    private let events: Events
    /// What this step told, kept back until its places and blocks are free: who reads `done` may count on them.
    private var outbox: [GenerationEvent] = []
    private var isDone = false
    private var error: (any Error)?
    private let submitted: Double
    private var started: Double?
    private var promptDone: Double?
    private var cachedTokenCount = 0
    private var promptScores: [TokenScore?] = []
    /// Sums over the prompt's tokens, [hidden].
    private var stateSums: [Double] = []

    init(
        _ request: GenerationRequest, text: any TextStream, vocabularySize: Int, events: Events, submitted: Double
    ) {
        sequence = GenerationSequence(request, text: text, vocabularySize: vocabularySize)
        self.events = events
        self.submitted = submitted
    }

    private var request: GenerationRequest { sequence.request }

    /// The first slice of the prompt is about to run.
    mutating func start(_ now: Double, cachedTokenCount: Int) {
        started = now
        self.cachedTokenCount = cachedTokenCount
        events.yield(.started(cachedTokenCount: cachedTokenCount))
    }

    /// It lost its place. A prompt that wants every row starts again; what was told stays told.
    mutating func preempt() {
        promptScores = []
        stateSums = []
    }

    /// Takes the slice's rows and tells what follows. row: the first of them.
    mutating func take(
        _ slice: StepPlan.Slice, from source: some LogitSource, row: Int, now: Double
    ) -> SliceOutcome {
        if promptDone == nil {
            if slice.logits == .states { addStates(slice, source, row: row) }
            if slice.logits == .all { score(slice, source, row: row) }
            guard slice.end == request.prompt.count else { return .advanced(token: nil) }
            tellPrompt()
            promptDone = now
        } else if slice.logits == .none {
            return .advanced(token: nil)
        }
        guard sequence.finishReason == nil else {
            tellDone(now)
            return .finished(token: nil)
        }
        let last = slice.logits == .all ? row + slice.tokens.count - 1 : row
        outbox.append(source.withLogits(row: last) { sequence.take($0) })
        if slice.fillsContext { sequence.end(.length) }
        guard sequence.finishReason != nil else { return .advanced(token: sequence.ids.last) }
        tellDone(now)
        return .finished(token: sequence.ids.last)
    }

    /// What is known once all of the prompt is computed.
    private mutating func tellPrompt() {
        if request.embeds {
            let count = Double(request.prompt.count)
            outbox.append(.embedding(stateSums.map { Float($0 / count) }))
        } else if request.scoresPrompt {
            outbox.append(.promptScores([nil] + promptScores))
        }
        if request.embeds || request.maximumNewTokens == 0 { sequence.end(.length) }
    }

    private mutating func addStates(_ slice: StepPlan.Slice, _ source: some LogitSource, row: Int) {
        if stateSums.isEmpty { stateSums = Array(repeating: 0, count: source.hiddenWidth) }
        // Token after token: the sum does not depend on how the prompt is cut.
        for offset in slice.tokens.indices {
            source.withStates(row: row + offset) { states in
                for index in states.indices { stateSums[index] += Double(states[index]) }
            }
        }
    }

    private mutating func score(_ slice: StepPlan.Slice, _ source: some LogitSource, row: Int) {
        for offset in slice.tokens.indices where slice.start + offset + 1 < request.prompt.count {
            let next = request.prompt[slice.start + offset + 1]
            promptScores.append(
                source.withLogits(row: row + offset) { logits in
                    TokenScore(logits: logits, chosen: next, bestCount: request.logprobCount ?? 0)
                })
        }
    }

    /// Ends a request from outside its steps.
    mutating func end(_ end: StepPlan.End, _ now: Double) {
        switch end {
        case .cancelled: sequence.end(.cancelled)
        case .deadline: sequence.end(.deadline)
        case .waitedTooLong(let seconds): return fail(GenerationError.waitedTooLong(seconds: seconds))
        }
        tellDone(now)
    }

    /// Ends it without a result.
    mutating func fail(_ error: any Error) {
        isDone = true
        self.error = error
    }

    /// Sends what was told; true: that was the last.
    mutating func flush() -> Bool {
        for event in outbox { events.yield(event) }
        outbox.removeAll(keepingCapacity: true)
        guard isDone else { return false }
        events.finish(throwing: error)
        return true
    }

    private mutating func tellDone(_ now: Double) {
        let start = started ?? now
        let promptEnd = promptDone ?? now
        let timings = GenerationTimings(
            queueSeconds: start - submitted,
            promptTokenCount: started == nil ? 0 : request.prompt.count - cachedTokenCount,
            promptSeconds: promptEnd - start, decodedTokenCount: max(sequence.ids.count - 1, 0),
            decodeSeconds: now - promptEnd)
        var summary = sequence.summarise(timings)
        summary.cachedTokenCount = cachedTokenCount
        outbox.append(.done(summary))
        isDone = true
    }
}
