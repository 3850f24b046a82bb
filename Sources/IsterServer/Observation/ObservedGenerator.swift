public import IsterGenerator
import Synchronization

/// A generator whose requests are counted and timed, and can all be ended with an error at once.
public final class ObservedGenerator: TextGenerator {
    private struct State {
        var next = 0
        var running: [Int: Running] = [:]
        /// Ends every request from now on.
        var end: GenerationError?
    }

    private struct Running: Sendable {
        var events: AsyncThrowingStream<GenerationEvent, any Error>.Continuation
        var generation: Generation
    }

    private let base: any TextGenerator
    private let metrics: OperationMetrics
    private let keys: KeyRing?
    private let state = Mutex(State())

    public init(_ base: any TextGenerator, metrics: OperationMetrics, keys: KeyRing? = nil) {
        self.base = base
        self.metrics = metrics
        self.keys = keys
    }

    public var contextLength: Int { base.contextLength }
    public var vocabularySize: Int { base.vocabularySize }
    public var load: GeneratorLoad { base.load }
    public func stopAccepting() { base.stopAccepting() }

    /// Requests that have not ended.
    public var runningCount: Int { state.withLock { $0.running.count } }

    public func generate(_ request: GenerationRequest, text: any TextStream) -> Generation {
        let generation = base.generate(request, text: text)
        let (events, continuation) = AsyncThrowingStream.makeStream(of: GenerationEvent.self)
        let (number, end) = state.withLock { state in
            state.next += 1
            state.running[state.next] = Running(events: continuation, generation: generation)
            return (state.next, state.end)
        }
        // Dropping the outer stream must end the work, as dropping the inner one would.
        continuation.onTermination = { reason in
            if case .cancelled = reason { generation.cancel() }
        }
        if let end { finish(number, throwing: end) }
        let recorder = GenerationRecorder(request: request, trace: RequestTrace.current, metrics: metrics, keys: keys)
        Task { await relay(generation, to: continuation, number, recorder) }
        return Generation(events: events) { generation.cancel() }
    }

    private func relay(
        _ generation: Generation, to events: AsyncThrowingStream<GenerationEvent, any Error>.Continuation,
        _ number: Int, _ recorder: GenerationRecorder
    ) async {
        var recorder = recorder
        do {
            for try await event in generation.events {
                recorder.record(event)
                events.yield(event)
            }
            events.finish()
        } catch {
            recorder.record(error)
            events.finish(throwing: error)
        }
        recorder.end()
        _ = state.withLock { $0.running.removeValue(forKey: number) }
    }

    /// Ends all running requests, and those that come later, with `error`. Returns how many were running.
    @discardableResult
    public func endAll(with error: GenerationError) -> Int {
        let numbers = state.withLock { state in
            state.end = error
            return Array(state.running.keys)
        }
        for number in numbers { finish(number, throwing: error) }
        return numbers.count
    }

    private func finish(_ number: Int, throwing error: GenerationError) {
        guard let running = state.withLock({ $0.running[number] }) else { return }
        running.events.finish(throwing: error)
        running.generation.cancel()
    }
}

/// What the operator counts of one request.
private struct GenerationRecorder: Sendable {
    private let promptTokenCount: Int
    /// The prompt is an earlier choice's: the operator's counts of work have it, the account of the request has not.
    private let repeatsPrompt: Bool
    private let isContinuation: Bool
    private let client: String
    private let trace: RequestTrace?
    private let metrics: OperationMetrics
    private let keys: KeyRing?
    private var tokenCount = 0
    private var isAccepted = false

    init(request: GenerationRequest, trace: RequestTrace?, metrics: OperationMetrics, keys: KeyRing?) {
        promptTokenCount = request.prompt.count
        repeatsPrompt = request.repeatsPrompt
        isContinuation = request.isContinuation
        client = request.client
        self.trace = trace
        self.metrics = metrics
        self.keys = keys
    }

    mutating func record(_ event: GenerationEvent) {
        switch event {
        case .accepted: isAccepted = true
        case .started(let cached):
            metrics.countPrompt(tokens: promptTokenCount, cached: cached)
            if !repeatsPrompt { trace?.count(prompt: promptTokenCount, cached: cached) }
        case .token:
            tokenCount += 1
            trace?.countToken()
        case .promptScores, .embedding, .done: break
        }
    }

    mutating func record(_ error: any Error) {
        // Nothing was computed for it, and each time that it tries again it would be charged once more.
        if case .waitedTooLong? = error as? GenerationError { isAccepted = false }
        // It tries again.
        if isContinuation, let error = error as? GenerationError, error.passes { return }
        metrics.countFailure(error)
    }

    /// Tokens are charged whatever became of the request.
    func end() {
        guard isAccepted, !client.isEmpty else { return }
        let count = (repeatsPrompt ? 0 : promptTokenCount) + tokenCount
        keys?.countTokens(count, of: client, at: ConnectionState.now)
    }
}
