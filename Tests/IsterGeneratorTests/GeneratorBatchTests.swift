import IsterDecoder
import Synchronization
import Testing

@testable import IsterGenerator

/// Several requests at once.
@Suite struct GeneratorBatchTests {
    let text = FakeText(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"])

    private func limits(_ count: Int, _ change: (inout GeneratorLimits) -> Void = { _ in }) -> GeneratorLimits {
        var limits = GeneratorLimits(runningCount: count)
        change(&limits)
        return limits
    }

    private func request(_ prompt: [Int32], _ count: Int, client: String = "") -> GenerationRequest {
        var request = GenerationRequest(prompt: prompt, maximumNewTokens: count)
        request.client = client
        return request
    }

    /// The ids that the fake model gives.
    private func walk(from start: Int32, _ count: Int) -> [Int32] { (1...Int32(count)).map { (start + $0) % 10 } }

    @Test func `requests are decoded together and each gets its own text`() async throws {
        let gate = Gate()
        let model = FakeModel(sequenceCount: 4, blockCount: 40) { if $0 == 0 { gate.wait() } }
        let generator = Generator(thread: try ComputeThread(), source: model, limits: limits(4))
        let running = (0..<4).map { generator.generate(request([$0, $0 + 2], 20), text: text) }
        gate.open()
        for (start, generation) in running.enumerated() {
            let answer = await Answer(generation)
            #expect(answer.summary?.ids == walk(from: Int32(start) + 2, 20))
            #expect(answer.startedWithCached == 0)
        }
        #expect(model.calls.contains { $0.count == 4 && $0.allSatisfy { $0.tokens.count == 1 } })
        #expect(model.calls.count < 30)
    }

    @Test func `a prefix that was computed is not computed again, for the same client`() async throws {
        let model = FakeModel(sequenceCount: 2, blockCount: 40)
        let generator = Generator(thread: try ComputeThread(), source: model, limits: limits(2))
        let prompt = (0..<40).map { Int32($0 % 10) }
        for (client, cached) in [("a", 0), ("a", 32), ("b", 0)] {
            let answer = await Answer(generator.generate(request(prompt + [3, 4], 5, client: client), text: text))
            #expect(answer.startedWithCached == cached)
            #expect(answer.summary?.cachedTokenCount == cached)
            #expect(answer.summary?.timings.promptTokenCount == 42 - cached)
            #expect(answer.summary?.ids == walk(from: 4, 5))
        }
        #expect(generator.load.cachedTokenCount == 32)
        #expect(generator.load.promptTokenCount == 126)
        #expect(generator.load.generatedTokenCount == 15)
        #expect(generator.load.freeBlockCount == 40)
    }

    @Test func `clients of one partition share prefixes`() async throws {
        let model = FakeModel(sequenceCount: 2, blockCount: 40)
        let generator = Generator(thread: try ComputeThread(), source: model, limits: limits(2))
        let prompt = (0..<40).map { Int32($0 % 10) }
        for (client, cached) in [("a", 0), ("b", 32)] {
            var request = request(prompt, 1, client: client)
            request.cachePartition = "all"
            #expect(await Answer(generator.generate(request, text: text)).startedWithCached == cached)
        }
    }

    @Test(arguments: [1, 3, 100]) func `every token of a scored prompt has its own score`(batchRows: Int) async throws {
        let model = FakeModel(batchRows: batchRows, blockCount: 40)
        let generator = Generator(thread: try ComputeThread(), source: model)
        let prompt = (0..<40).map { Int32($0 * $0 % 10) }
        for _ in 0..<2 {
            var request = request(prompt, 2)
            request.scoresPrompt = true
            let answer = await Answer(generator.generate(request, text: text))
            let scores = try #require(answer.promptScores)
            #expect(scores.first == .some(nil))
            #expect(scores.dropFirst().map { $0?.chosen.id } == prompt.dropFirst().map { Optional($0) })
            #expect(answer.startedWithCached == 0)
            #expect(answer.summary?.ids == walk(from: prompt[39], 2))
            // The fake model's logits are minus the distance from its next token.
            let logits = (0..<10).map { -Float($0) }
            for (index, score) in scores.enumerated().dropFirst() {
                let distance = (prompt[index] - prompt[index - 1] + 9) % 10
                let expected = TokenScore(logits: logits.span, chosen: distance, bestCount: 0)
                #expect(score?.chosen.logprob == expected.chosen.logprob)
            }
        }
    }

    @Test(arguments: [1, 3, 100]) func `an embedding is the mean of the prompt's states`(batchRows: Int) async throws {
        let model = FakeModel(batchRows: batchRows, blockCount: 40)
        let generator = Generator(thread: try ComputeThread(), source: model)
        var request = request([1, 2, 3, 6], 0)
        request.embeds = true
        let answer = await Answer(generator.generate(request, text: text))
        #expect(answer.embedding == [3, 1.5])
        #expect(answer.tokenCount == 0)
        #expect(answer.summary?.promptTokenCount == 4)
    }

    @Test func `a request that the model cannot compute ends alone`() async throws {
        let gate = Gate()
        let model = FakeModel(sequenceCount: 3, blockCount: 40, poison: 9) { if $0 == 0 { gate.wait() } }
        let generator = Generator(thread: try ComputeThread(), source: model, limits: limits(3))
        let good = generator.generate(request([1], 5), text: text)
        let bad = generator.generate(request([5], 20), text: text)
        let other = generator.generate(request([2, 3], 5), text: text)
        gate.open()
        let broken = await Answer(bad)
        #expect(broken.error as? DecoderError == .notFinite)
        #expect(broken.tokenCount == 4)
        #expect(await Answer(good).summary?.ids == walk(from: 1, 5))
        #expect(await Answer(other).summary?.ids == walk(from: 3, 5))
        #expect(generator.load.freeBlockCount == 40)
        #expect(await Answer(generator.generate(request([1], 5), text: text)).summary?.ids == walk(from: 1, 5))
    }

    @Test func `after damage no token leaves and nobody is left`() async throws {
        let gate = Gate()
        let damaged = Mutex(false)
        let model = FakeModel(sequenceCount: 2, blockCount: 40) { call in
            if call == 0 { gate.wait() }
            if call == 3 { damaged.withLock { $0 = true } }
        }
        let generator = Generator(
            thread: try ComputeThread(), source: model, limits: limits(2), damageCheck: { damaged.withLock { $0 } })
        let all = (0..<3).map { generator.generate(request([$0], 50), text: text) }
        gate.open()
        var tokens = 0
        for generation in all {
            let answer = await Answer(generation)
            #expect(answer.error as? GenerationError == .modelDamaged)
            tokens += answer.tokenCount
        }
        // Three calls were told: the first may have had one row, the others two.
        #expect((5...6).contains(tokens))
        #expect(generator.load.runningCount + generator.load.waitingCount == 0)
        #expect(generator.load.freeBlockCount == 40)
    }

    @Test func `cancelling one that waits touches nobody else`() async throws {
        let gate = Gate()
        let model = FakeModel { if $0 == 2 { gate.wait() } }
        let generator = Generator(thread: try ComputeThread(), source: model)
        let first = generator.generate(request([1], 6), text: text)
        let second = generator.generate(request([2], 6), text: text)
        let third = generator.generate(request([3], 6), text: text)
        second.cancel()
        gate.open()
        let cancelled = await Answer(second)
        #expect(cancelled.summary?.finishReason == .cancelled)
        #expect(cancelled.summary?.ids == [])
        #expect(await Answer(first).summary?.ids == walk(from: 1, 6))
        #expect(await Answer(third).summary?.ids == walk(from: 3, 6))
        #expect(model.sliceLengths.count == 12)
    }

    @Test func `a full queue refuses while a forward call runs`() async throws {
        let (gate, entered) = (Gate(), Gate())
        let model = FakeModel { call in
            guard call == 0 else { return }
            entered.open()
            gate.wait()
        }
        let generator = Generator(
            thread: try ComputeThread(), source: model, limits: limits(1) { $0.waitingCount = 1 })
        let first = generator.generate(request([1], 2), text: text)
        try await entered.opened()
        let second = generator.generate(request([2], 2), text: text)
        let third = await Answer(generator.generate(request([3], 2), text: text))
        #expect(third.events.isEmpty)
        #expect(third.error as? GenerationError == .queueFull(waiting: 1, retryAfter: 5))
        #expect(generator.load.waitingCount == 1)
        gate.open()
        #expect(await Answer(first).events.first == .accepted(waiting: 0))
        #expect(await Answer(second).summary?.ids == walk(from: 2, 2))
    }

    @Test func `who waits too long is told so`() async throws {
        let (gate, entered) = (Gate(), Gate())
        let model = FakeModel { call in
            guard call == 0 else { return }
            entered.open()
            gate.wait()
        }
        let generator = Generator(
            thread: try ComputeThread(), source: model, limits: limits(1) { $0.waitingSeconds = 0 })
        let first = generator.generate(request([1], 3), text: text)
        try await entered.opened()
        let second = generator.generate(request([2], 3), text: text)
        gate.open()
        guard case .waitedTooLong? = await Answer(second).error as? GenerationError else {
            Issue.record("the second request was not ended")
            return
        }
        #expect(await Answer(first).summary?.ids == walk(from: 1, 3))
    }

    @Test func `a deadline ends a request with what it has`() async throws {
        let model = FakeModel(contextLength: Int.max)
        let generator = Generator(thread: try ComputeThread(), source: model)
        var late = request([1], Int.max)
        late.deadline = .now + .milliseconds(30)
        let answer = await Answer(generator.generate(late, text: text))
        #expect(answer.summary?.finishReason == .deadline)
        #expect(answer.summary?.ids.count == answer.tokenCount)
        late.deadline = .now
        #expect(await Answer(generator.generate(late, text: text)).summary?.finishReason == .deadline)
    }

    @Test func `stopping refuses new requests and lets the others finish`() async throws {
        let gate = Gate()
        let model = FakeModel { if $0 == 0 { gate.wait() } }
        let generator = Generator(thread: try ComputeThread(), source: model)
        let first = generator.generate(request([1], 3), text: text)
        generator.stopAccepting()
        #expect(await Answer(generator.generate(request([1], 3), text: text)).error as? GenerationError == .stopping)
        // What belongs to accepted work is no new work.
        var rest = request([2], 3)
        rest.isContinuation = true
        let last = generator.generate(rest, text: text)
        gate.open()
        #expect(await Answer(first).summary?.ids == walk(from: 1, 3))
        #expect(await Answer(last).summary?.ids == walk(from: 2, 3))
    }

    @Test func `a small pool preempts and no text changes`() async throws {
        let gate = Gate()
        let model = FakeModel(contextLength: 96, sequenceCount: 3, blockCount: 7) { if $0 == 0 { gate.wait() } }
        let generator = Generator(thread: try ComputeThread(), source: model, limits: limits(3))
        let all = (0..<6).map { (start: Int32) in
            var request = request([start, start], 70)
            request.stopStrings = ["never"]
            return generator.generate(request, text: text)
        }
        gate.open()
        for (start, generation) in all.enumerated() {
            #expect(await Answer(generation).summary?.ids == walk(from: Int32(start), 70))
        }
        #expect(generator.load.preemptionCount > 0)
        #expect(generator.load.freeBlockCount == 7)
    }
}
