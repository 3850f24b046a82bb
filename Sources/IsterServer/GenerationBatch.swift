import IsterGenerator
import IsterTokenizer
import Synchronization

/// The generator's requests of one HTTP request: several prompts, several choices. Ends them all when it goes away.
final class GenerationBatch: Sendable {
    enum Item: Sendable {
        case event(index: Int, GenerationEvent)
        /// Nothing happened for a while.
        case silence
    }

    private let mailbox: Mailbox<Item>
    private let runner: Task<Void, Never>
    private let firstCount: Int
    let count: Int

    /// Starts the first `parallelCount` requests; each of the others when one is done. markers: special tokens that are
    /// part of the text, and how they are told. waitingBytes: how far the reader of a stream may be behind before it
    /// gets an error and its work ends; nil: the answer is read when it is whole.
    init(
        _ requests: [GenerationRequest], generator: any TextGenerator, tokenizer: Tokenizer, parallelCount: Int,
        metrics: ServerMetrics, markers: [Int32: String] = [:], waitingBytes: Int? = nil
    ) {
        let parallelCount = max(parallelCount, 1)
        count = requests.count
        firstCount = min(parallelCount, requests.count)
        let mailbox = Mailbox<Item>(
            isMarked: { item in if case .event(_, .accepted) = item { true } else { false } },
            weight: \.waitingBytes, limit: waitingBytes.map { ($0, APIError.slowReader(bytes: $0)) })
        self.mailbox = mailbox
        runner = Task {
            let pump = GenerationPump(
                requests: requests, generator: generator, tokenizer: tokenizer, markers: markers, mailbox: mailbox,
                metrics: metrics)
            await pump.run(parallelCount: parallelCount)
        }
    }

    deinit { cancel() }

    /// Ends all requests before the generator's next step.
    func cancel() {
        mailbox.finish(throwing: CancellationError())
        runner.cancel()
    }

    /// Returns when the first requests have their places; throws the reason if one was refused.
    func waitUntilAccepted() async throws {
        try await withTaskCancellationHandler {
            try await mailbox.waitForMarked(firstCount)
        } onCancel: {
            cancel()
        }
    }

    /// All that happened since the last call; nil after the last event.
    func next() async throws -> [Item]? {
        try await withTaskCancellationHandler {
            try await mailbox.take()
        } onCancel: {
            cancel()
        }
    }

    /// Runs `body` while `silence` comes at this interval.
    func withSilence<Value: Sendable>(
        every seconds: Double, _ body: () async throws -> Value
    ) async rethrows -> Value {
        let mailbox = mailbox
        let ticker = Task {
            while !Task.isCancelled {
                guard (try? await Task.sleep(for: .seconds(seconds))) != nil else { return }
                mailbox.push(.silence)
            }
        }
        defer { ticker.cancel() }
        return try await body()
    }
}

/// Moves events from the generator to the batch's mailbox.
private struct GenerationPump: Sendable {
    let requests: [GenerationRequest]
    let generator: any TextGenerator
    let tokenizer: Tokenizer
    let markers: [Int32: String]
    let mailbox: Mailbox<GenerationBatch.Item>
    let metrics: ServerMetrics
    let progress = BatchProgress()

    func run(parallelCount: Int) async {
        await withTaskGroup(of: Void.self) { group in
            for index in requests.indices {
                if index >= parallelCount {
                    await group.next()
                    // What is computed ahead of its reader has to wait somewhere.
                    await mailbox.waitForRoom()
                    if Task.isCancelled { break }
                }
                // Those that come later take what place there is: they must not compete with their own siblings.
                group.addTask { await run(index, isPatient: index >= parallelCount) }
            }
        }
        mailbox.finish()
    }

    private func run(_ index: Int, isPatient: Bool) async {
        var request = requests[index]
        request.isContinuation = isPatient
        while true {
            do {
                try await pump(request, index)
                return
            } catch let error as GenerationError where triesAgain(request, error) {
                guard await wait(error), !isPastDeadline(index) else { return mailbox.finish(throwing: error) }
                request.isContinuation = true
            } catch {
                return mailbox.finish(throwing: error)
            }
        }
    }

    private func triesAgain(_ request: GenerationRequest, _ error: GenerationError) -> Bool {
        // What it waited for may be its own siblings, and their work would be lost.
        if case .waitedTooLong = error, progress.hasStarted { return true }
        return request.isContinuation && error.passes
    }

    private func pump(_ request: GenerationRequest, _ index: Int) async throws {
        let decoder = StreamDecoder(tokenizer, prompt: request.prompt, skipSpecial: true)
        let generation =
            markers.isEmpty
            ? generator.generate(request, text: decoder)
            : generator.generate(request, text: MarkedText(decoder, markers: markers))
        var times = RequestTimes(metrics: metrics, isText: request.maximumNewTokens > 0)
        try await withTaskCancellationHandler {
            for try await event in generation.events {
                times.record(event)
                if case .started = event { progress.start() }
                guard mailbox.push(.event(index: index, event)) else {
                    generation.cancel()
                    break
                }
            }
        } onCancel: {
            generation.cancel()
        }
        times.end()
    }

    private func wait(_ error: GenerationError) async -> Bool {
        let seconds: Double
        switch error {
        case .queueFull(_, let retryAfter), .clientLimit(_, _, let retryAfter): seconds = retryAfter
        case .waitedTooLong: seconds = 0
        default: return false
        }
        return (try? await Task.sleep(for: .seconds(min(max(seconds, 0.05), 1)))) != nil
    }

    private func isPastDeadline(_ index: Int) -> Bool {
        requests[index].deadline.map { $0 <= .now } ?? false
    }
}

/// Whether work on any request of a batch has begun.
private final class BatchProgress: Sendable {
    private let state = Mutex(false)

    var hasStarted: Bool { state.withLock { $0 } }

    func start() { state.withLock { $0 = true } }
}

extension GenerationBatch.Item {
    /// About the bytes that a stream tells it in, of tokens. The rest comes once for each request.
    var waitingBytes: Int {
        guard case .event(_, .token(let token)) = self else { return 0 }
        return 256 + token.text.utf8.count + (token.score.map { ($0.best.count + 1) * 96 } ?? 0)
    }
}

extension GenerationError {
    /// Whether the same request may find a place a little later.
    var passes: Bool {
        switch self {
        case .queueFull, .clientLimit, .waitedTooLong: true
        default: false
        }
    }
}
