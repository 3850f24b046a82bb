import IsterGenerator
import Synchronization

/// Follows a script instead of a model.
final class FakeGenerator: TextGenerator, Sendable {
    enum Step: Sendable {
        case refuse(GenerationError)
        case token(Int32)
        case pause(Double)
        /// Until it is so.
        case until(@Sendable () -> Bool)
        /// Until the request is cancelled.
        case hang
        case fail(GenerationError)
        case finish(FinishReason)
    }

    let contextLength: Int
    let vocabularySize = 263
    private let script: @Sendable (GenerationRequest, Int) -> [Step]
    private let state = Mutex((requests: [GenerationRequest](), cancelled: 0, running: 0, most: 0))

    /// script: of a request and the number of requests before it.
    init(contextLength: Int = 64, script: @escaping @Sendable (GenerationRequest, Int) -> [Step]) {
        self.contextLength = contextLength
        self.script = script
    }

    /// Says the same to all.
    convenience init(contextLength: Int = 64, saying text: String = "hello", end: Bool = true) {
        self.init(contextLength: contextLength) { request, _ in
            let ids = text == "hello" ? [262] : text.utf8.map { Int32($0) }
            return ids.map { .token($0) } + (end ? [.token(TestModel.end)] : [])
        }
    }

    var requests: [GenerationRequest] { state.withLock { $0.requests } }
    var cancelledCount: Int { state.withLock { $0.cancelled } }
    var mostAtOnce: Int { state.withLock { $0.most } }
    /// The queue takes no more.
    let isFull = Mutex(false)

    var load: GeneratorLoad {
        var load = GeneratorLoad()
        load.isFull = isFull.withLock { $0 }
        return load
    }

    func stopAccepting() {}

    func generate(_ request: GenerationRequest, text: any TextStream) -> Generation {
        let (events, continuation) = AsyncThrowingStream.makeStream(of: GenerationEvent.self)
        let number = state.withLock { state in
            state.requests.append(request)
            return state.requests.count - 1
        }
        let task = Task {
            await self.run(request, number, text, continuation)
        }
        continuation.onTermination = { _ in task.cancel() }
        return Generation(events: events) { task.cancel() }
    }

    private func run(
        _ request: GenerationRequest, _ number: Int, _ text: any TextStream,
        _ events: AsyncThrowingStream<GenerationEvent, any Error>.Continuation
    ) async {
        var run = FakeRun(request: request, text: text, events: events)
        let steps = script(request, number)
        if case .refuse(let error)? = steps.first { return events.finish(throwing: error) }
        state.withLock { state in
            state.running += 1
            state.most = max(state.most, state.running)
        }
        defer { state.withLock { $0.running -= 1 } }
        run.begin()
        for step in steps where run.finish == nil {
            await run.take(step)
            if Task.isCancelled {
                state.withLock { $0.cancelled += 1 }
                run.finish = .cancelled
            }
        }
        run.end()
    }
}

private struct FakeRun {
    let request: GenerationRequest
    var text: any TextStream
    let events: AsyncThrowingStream<GenerationEvent, any Error>.Continuation
    var finish: FinishReason?
    private var shown = ""
    private var ids: [Int32] = []

    init(
        request: GenerationRequest, text: any TextStream,
        events: AsyncThrowingStream<GenerationEvent, any Error>.Continuation
    ) {
        self.request = request
        self.text = text
        self.events = events
    }

    mutating func begin() {
        events.yield(.accepted(waiting: 0))
        events.yield(.started(cachedTokenCount: 2))
        if request.scoresPrompt {
            events.yield(.promptScores([nil] + request.prompt.dropFirst().map { score($0) }))
        }
        if request.embeds { events.yield(.embedding([0.5, -1.25, 3e-5])) }
        if request.maximumNewTokens == 0 { finish = .length }
    }

    private func score(_ id: Int32) -> TokenScore {
        let best = (0..<Int32(request.logprobCount ?? 0)).map {
            TokenScore.Choice(id: (id + $0) % 263, logprob: -0.25 * Float($0 + 1))
        }
        return TokenScore(chosen: TokenScore.Choice(id: id, logprob: -0.25), best: best)
    }

    mutating func take(_ step: FakeGenerator.Step) async {
        switch step {
        case .refuse: break
        case .token(let id):
            ids.append(id)
            let isEnd = request.endTokens.contains(id)
            let piece = isEnd ? "" : text.append(id)
            shown += piece
            let score = request.logprobCount == nil ? nil : score(id)
            events.yield(.token(GeneratedToken(id: id, text: piece, score: score)))
            if isEnd { finish = .stop } else if ids.count >= request.maximumNewTokens { finish = .length }
        case .pause(let seconds): try? await Task.sleep(for: .seconds(seconds))
        case .until(let isSo):
            while !isSo(), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(2)) }
        case .hang: try? await Task.sleep(for: .seconds(600))
        case .fail(let error): events.finish(throwing: error)
        case .finish(let reason): finish = reason
        }
    }

    mutating func end() {
        let tail = text.finish()
        events.yield(
            .done(
                GenerationSummary(
                    ids: ids, text: shown + tail, tail: tail, finishReason: finish ?? .length,
                    promptTokenCount: request.prompt.count, cachedTokenCount: 2,
                    timings: GenerationTimings(
                        queueSeconds: 0.5, promptTokenCount: request.prompt.count - 2, promptSeconds: 0.25,
                        decodedTokenCount: max(ids.count - 1, 0), decodeSeconds: 0.5))))
        events.finish()
    }
}
