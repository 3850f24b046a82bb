import IsterDecoder
import IsterGenerator
import IsterModelFile
import IsterQuantizer
import Testing

/// A request's tokens do not depend on who else runs, on cached prefixes or on lost places.
@Suite struct ServingSameBitsTests {
    /// What one request got.
    struct Answer: Equatable {
        var ids: [Int32] = []
        var scores: [TokenScore?] = []
        var embedding: [Float] = []
        var reason: FinishReason?
    }

    struct IDText: TextStream {
        mutating func append(_ id: Int32) -> String { "<\(id)>" }
        mutating func finish() -> String { "" }
    }

    private func generator(
        _ model: ConvertedModel, sequences: Int, blocks: Int?, rows: Int, caches: Bool,
        context: Int = 128
    ) async throws -> Generator<Decoder> {
        let thread = try ComputeThread()
        let file = model.file
        var options = DecoderOptions()
        options.threads = 1
        options.contextLength = context
        options.sequenceCount = sequences
        options.cacheBlockCount = blocks
        options.batchRows = rows
        let chosen = options
        let decoder = try await thread.run { () throws(DecoderError) in try Decoder(file, options: chosen) }
        var limits = GeneratorLimits(runningCount: sequences)
        limits.stepTokenCount = 24
        limits.perClientCount = 1000
        limits.waitingCount = 1000
        limits.cachesPrefixes = caches
        return Generator(thread: thread, source: decoder, limits: limits)
    }

    /// Requests with shared beginnings; some draw, some score, some embed.
    private func requests(
        _ count: Int, vocabularySize: Int, beginning: Int = 70, most: Int = 80
    ) -> [GenerationRequest] {
        var random = RandomSequence(seed: 42)
        func pick(_ bound: Int) -> Int { Int(random.nextBits() % UInt64(bound)) }
        let beginnings = (0..<3).map { _ in (0..<beginning).map { _ in Int32(pick(vocabularySize)) } }
        return (0..<count).map { number in
            let own = (0..<1 + pick(20)).map { _ in Int32(pick(vocabularySize)) }
            var request = GenerationRequest(
                prompt: beginnings[pick(3)].prefix(pick(beginning - 19)) + own, maximumNewTokens: 1 + pick(most))
            if pick(2) == 0 {
                request.sampling = .random(
                    temperature: 1.1, seed: UInt64(number), filters: SamplingFilters(topK: 40, topP: 0.95))
                request.penalties = Penalties(repetition: 1.1)
            }
            if pick(8) == 0 { request.scoresPrompt = true }
            if pick(8) == 0 { request.embeds = true }
            request.client = "c\(pick(4))"
            request.cachePartition = pick(2) == 0 ? nil : "all"
            request.priority = pick(3)
            return request
        }
    }

    private func answer(_ request: GenerationRequest, _ generator: Generator<Decoder>) async throws -> Answer {
        var answer = Answer()
        for try await event in generator.generate(request, text: IDText()).events {
            switch event {
            case .promptScores(let scores): answer.scores = scores
            case .embedding(let values): answer.embedding = values
            case .done(let summary):
                answer.ids = summary.ids
                answer.reason = summary.finishReason
            case .accepted, .started, .token: break
            }
        }
        return answer
    }

    /// All at once, but at most `concurrency`.
    private func answers(
        _ requests: [GenerationRequest], _ generator: Generator<Decoder>, concurrency: Int
    ) async throws -> [Answer] {
        try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
            var answers = Array(repeating: Answer(), count: requests.count)
            var next = 0
            func add() {
                guard next < requests.count else { return }
                let (index, request) = (next, requests[next])
                next += 1
                group.addTask { (index, try await answer(request, generator)) }
            }
            for _ in 0..<concurrency { add() }
            while let (index, answer) = try await group.next() {
                answers[index] = answer
                add()
            }
            return answers
        }
    }

    /// The same 40 tokens twice, the second time right after the first: what the cache gave for them. What a crowd
    /// finds of its own in a small pool is chance; this is not.
    private func cachedTokensOfRepeatedPrompt(_ generator: Generator<Decoder>) async throws -> Int {
        let before = generator.load.cachedTokenCount
        var request = GenerationRequest(prompt: (0..<40).map { Int32($0 % 7 + 3) }, maximumNewTokens: 1)
        request.cachePartition = "all"
        let found = try await answers([request, request], generator, concurrency: 1)
        #expect(found[0] == found[1])
        return generator.load.cachedTokenCount - before
    }

    @Test func `many at once in too small a pool get what each gets alone`() async throws {
        let model = try ConvertedModel("stories260K", .f32)
        let requests = requests(60, vocabularySize: model.file.header.shape.vocabularySize)
        // Alone: one sequence with its own room, no pool, no cache, other chunks.
        let serial = try await generator(model, sequences: 1, blocks: nil, rows: 64, caches: false)
        let expected = try await answers(requests, serial, concurrency: 1)
        let busy = try await generator(model, sequences: 6, blocks: 12, rows: 48, caches: true)
        let found = try await answers(requests, busy, concurrency: 12)
        for index in requests.indices { #expect(found[index] == expected[index], "request \(index)") }
        #expect(busy.load.preemptionCount > 0)
        #expect(busy.load.evictionCount > 0)
        #expect(busy.load.freeBlockCount == 12)
        #expect(try await cachedTokensOfRepeatedPrompt(busy) > 0)
        #expect(serial.load.cachedTokenCount == 0)
    }

    /// Window 13, up to 256 positions in a pool of 6 * 16: blocks behind the window go while a request runs.
    @Test func `behind a sliding window many in a pool smaller than one context get what each gets alone`() async throws
    {
        let model = try ConvertedModel("mistral-sliding-window", .q8)
        let requests = requests(
            30, vocabularySize: model.file.header.shape.vocabularySize, beginning: 160, most: 90)
        let serial = try await generator(model, sequences: 1, blocks: nil, rows: 64, caches: false, context: 256)
        let expected = try await answers(requests, serial, concurrency: 1)
        #expect(requests.indices.contains { requests[$0].prompt.count + expected[$0].ids.count > 96 })
        for caches in [true, false] {
            let busy = try await generator(model, sequences: 4, blocks: 6, rows: 20, caches: caches, context: 256)
            #expect(busy.contextLength == 256)
            let found = try await answers(requests, busy, concurrency: 12)
            for index in requests.indices { #expect(found[index] == expected[index], "request \(index)") }
            #expect(busy.load.freeBlockCount == 6)
            let before = busy.load.cachedTokenCount
            #expect(caches == (try await cachedTokensOfRepeatedPrompt(busy) > 0))
            #expect(caches || before == 0)
        }
    }
}
