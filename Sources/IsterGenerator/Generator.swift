import IsterDecoder

/// Runs requests, one after the other, on the compute thread. One forward call is the unit: between two of them a
/// cancelled request ends.
public actor Generator<Source: LogitSource> {
    private let thread: ComputeThread
    private let source: Source

    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    /// source: made on `thread` (`ComputeThread.run`) and used nowhere else.
    public init(thread: ComputeThread, source: sending Source) {
        self.thread = thread
        self.source = source
    }

    /// Starts a request. `text` turns this request's ids into text.
    public nonisolated func generate(_ request: GenerationRequest, text: some TextStream) -> Generation {
        let (events, continuation) = AsyncThrowingStream.makeStream(of: GenerationEvent.self)
        let task = Task {
            do {
                try await self.run(request, text, continuation)
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
            }
        }
        continuation.onTermination = { _ in task.cancel() }
        return Generation(events: events, task: task)
    }

    private func run(
        _ request: GenerationRequest, _ text: some TextStream, _ events: Generation.Continuation
    ) throws {
        try request.check(vocabularySize: source.vocabularySize, contextLength: source.contextLength)
        var sequence = GenerationSequence(request, text: text, vocabularySize: source.vocabularySize)
        source.reset(sequence: 0)
        defer { source.reset(sequence: 0) }
        let clock = ContinuousClock()
        let start = clock.now
        try prefill(&sequence, events)
        let prefilled = clock.now
        try decode(&sequence, events)
        let timings = GenerationTimings(
            promptTokenCount: request.prompt.count, promptSeconds: start.duration(to: prefilled).seconds,
            decodedTokenCount: max(sequence.ids.count - 1, 0),
            decodeSeconds: prefilled.duration(to: clock.now).seconds)
        events.yield(.done(sequence.summarise(timings)))
    }

    /// Runs the prompt in chunks of `batchRows` and takes the first token from its last logits.
    private func prefill(
        _ sequence: inout GenerationSequence<some TextStream>, _ events: Generation.Continuation
    ) throws(DecoderError) {
        let prompt = sequence.request.prompt
        var start = 0
        while start < prompt.count, sequence.finishReason == nil {
            if Task.isCancelled { return sequence.end(.cancelled) }
            let end = start + min(source.batchRows, prompt.count - start)
            let isLast = end == prompt.count
            let chunk = Array(prompt[start..<end])
            try source.forward([TokenSlice(sequence: 0, tokens: chunk, logits: isLast ? .last : .none)])
            if isLast { take(&sequence, events) }
            start = end
        }
    }

    private func decode(
        _ sequence: inout GenerationSequence<some TextStream>, _ events: Generation.Continuation
    ) throws(DecoderError) {
        while sequence.finishReason == nil, let last = sequence.ids.last {
            if Task.isCancelled { return sequence.end(.cancelled) }
            guard source.length(ofSequence: 0) < source.contextLength else { return sequence.end(.length) }
            try source.forward([TokenSlice(sequence: 0, tokens: [last], logits: .last)])
            take(&sequence, events)
        }
    }

    private func take(_ sequence: inout GenerationSequence<some TextStream>, _ events: Generation.Continuation) {
        events.yield(source.withLogits(row: 0) { sequence.take($0) })
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
