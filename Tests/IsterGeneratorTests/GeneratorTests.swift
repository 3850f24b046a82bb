import Synchronization
import Testing

@testable import IsterGenerator

@Suite struct GeneratorTests {
    let letters = FakeText(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"])

    private func run(
        _ request: GenerationRequest, model: FakeModel = FakeModel(), text: FakeText? = nil
    ) async throws -> (tokens: [GenerationEvent], summary: GenerationSummary) {
        let generator = Generator(thread: try ComputeThread(), source: model)
        var tokens: [GenerationEvent] = []
        for try await event in generator.generate(request, text: text ?? letters).events {
            switch event {
            case .done(let summary): return (tokens, summary)
            case .accepted, .started: continue
            default: tokens.append(event)
            }
        }
        throw Missing()
    }

    struct Missing: Error {}

    private func token(_ id: Int32, _ text: String) -> GenerationEvent {
        .token(GeneratedToken(id: id, text: text))
    }

    @Test func `tokens stream in order and the length ends the text`() async throws {
        let (tokens, summary) = try await run(GenerationRequest(prompt: [1, 2], maximumNewTokens: 3))
        #expect(tokens == [token(3, "d"), token(4, "e"), token(5, "f")])
        #expect(summary.ids == [3, 4, 5])
        #expect(summary.text == "def")
        #expect(summary.tail == "")
        #expect(summary.finishReason == .length)
        #expect(summary.promptTokenCount == 2)
        #expect(summary.timings.decodedTokenCount == 2)
    }

    @Test func `no new tokens means only the prompt`() async throws {
        let model = FakeModel()
        let (tokens, summary) = try await run(GenerationRequest(prompt: [1], maximumNewTokens: 0), model: model)
        #expect(tokens.isEmpty)
        #expect(summary.finishReason == .length)
        #expect(model.sliceLengths == [1])
    }

    @Test func `an end token is listed without text and ends the text`() async throws {
        let request = GenerationRequest(prompt: [1], maximumNewTokens: 50, endTokens: [4, 9])
        let (tokens, summary) = try await run(request)
        #expect(tokens.last == token(4, ""))
        #expect(summary.ids == [2, 3, 4])
        #expect(summary.text == "cd")
        #expect(summary.finishReason == .stop)
    }

    @Test func `a stop string over token borders is not shown`() async throws {
        let request = GenerationRequest(prompt: [1], maximumNewTokens: 50, stopStrings: ["efg"])
        let (tokens, summary) = try await run(request)
        #expect(
            tokens == [
                token(2, "c"), token(3, "d"), token(4, ""), token(5, ""),
                token(6, ""),
            ])
        #expect(summary.text == "cd")
        #expect(summary.tail == "")
        #expect(summary.finishReason == .stop)
    }

    @Test func `held text is given out when the length ends the text`() async throws {
        let request = GenerationRequest(prompt: [1], maximumNewTokens: 4, stopStrings: ["efg"])
        let (_, summary) = try await run(request)
        #expect(summary.text == "cdef")
        #expect(summary.tail == "ef")
        #expect(summary.finishReason == .length)
    }

    @Test func `no event splits a character`() async throws {
        let compass = Array("🧭".utf8)
        let text = FakeText(bytes: compass.map { [$0] } + [Array("x".utf8)])
        let model = FakeModel(vocabularySize: 5)
        let request = GenerationRequest(prompt: [4], maximumNewTokens: 7)
        let (tokens, summary) = try await run(request, model: model, text: text)
        #expect(tokens.dropFirst(3).first == token(3, "🧭"))
        #expect(tokens.first == token(0, ""))
        #expect(summary.text == "🧭x\u{FFFD}")
        #expect(summary.tail == "\u{FFFD}")
    }

    @Test(arguments: [(1, 7), (3, 3), (7, 1), (100, 1)])
    func `the prompt is run in chunks`(batchRows: Int, chunks: Int) async throws {
        let model = FakeModel(batchRows: batchRows)
        let request = GenerationRequest(prompt: [1, 2, 3, 4, 5, 6, 7], maximumNewTokens: 2)
        let (_, summary) = try await run(request, model: model)
        #expect(summary.ids == [8, 9])
        #expect(model.sliceLengths.count == chunks + 1)
        #expect(model.sliceLengths.reduce(0, +) == 8)
    }

    @Test func `a full context ends the text`() async throws {
        let model = FakeModel(contextLength: 6)
        let (_, summary) = try await run(GenerationRequest(prompt: [1, 2, 3], maximumNewTokens: 50), model: model)
        #expect(summary.ids == [4, 5, 6, 7])
        #expect(summary.finishReason == .length)
        #expect(model.sliceLengths == [3, 1, 1, 1])
    }

    @Test func `a seed gives the ids of an independent implementation`() async throws {
        for golden in try SamplerGolden.load().walks {
            let filters = SamplingFilters(topK: 5, topP: 0.95)
            let request = GenerationRequest(
                prompt: [1], maximumNewTokens: golden.ids.count,
                sampling: .random(temperature: 2, seed: golden.seed, filters: filters),
                penalties: Penalties(repetition: 1.2))
            #expect(try await run(request).summary.ids == golden.ids)
        }
    }

    @Test func `cancelling ends after the running step and gives out held text`() async throws {
        let generation = Mutex<Generation?>(nil)
        let started = Mutex(false)
        let model = FakeModel { call in
            while call == 0, !started.withLock({ $0 }) {}
            if call == 3 { generation.withLock { $0?.cancel() } }
        }
        let generator = Generator(thread: try ComputeThread(), source: model)
        let request = GenerationRequest(prompt: [1], maximumNewTokens: 500, stopStrings: ["fgX"])
        let running = generator.generate(request, text: letters)
        generation.withLock { $0 = running }
        started.withLock { $0 = true }
        var summary: GenerationSummary?
        for try await event in running.events {
            if case .done(let done) = event { summary = done }
        }
        #expect(summary?.finishReason == .cancelled)
        #expect(summary?.ids == [2, 3, 4, 5])
        #expect(summary?.text == "cdef")
        #expect(summary?.tail == "f")
        #expect(model.sliceLengths.count == 4)
    }

    @Test func `a dropped stream frees the thread for the next request`() async throws {
        let model = FakeModel(contextLength: Int.max)
        let generator = Generator(thread: try ComputeThread(), source: model)
        let endless = GenerationRequest(prompt: [1], maximumNewTokens: Int.max)
        for try await event in generator.generate(endless, text: letters).events {
            if case .token = event { break }
        }
        let next = GenerationRequest(prompt: [1], maximumNewTokens: 2)
        var ids: [Int32] = []
        for try await event in generator.generate(next, text: letters).events {
            if case .done(let summary) = event { ids = summary.ids }
        }
        #expect(ids == [2, 3])
    }

    @Test func `eight requests run on one thread`() async throws {
        let model = FakeModel()
        let generator = Generator(thread: try ComputeThread(), source: model)
        let texts = try await withThrowingTaskGroup(of: String.self) { group in
            for start in Int32(0)..<8 {
                group.addTask {
                    let request = GenerationRequest(prompt: [start], maximumNewTokens: 40)
                    for try await event in generator.generate(request, text: FakeText(["x"])).events {
                        guard case .done(let summary) = event else { continue }
                        return "\(start) \(summary.ids == (1...40).map { (start + $0) % 10 })"
                    }
                    return ""
                }
            }
            return try await group.reduce(into: [String]()) { $0.append($1) }
        }
        #expect(texts.sorted() == (0..<8).map { "\($0) true" })
        #expect(model.threads.count == 1)
        #expect(!model.threads.contains(currentThread()))
    }

    @Test(arguments: [
        (GenerationRequest(prompt: [], maximumNewTokens: 1), GenerationError.emptyPrompt),
        (
            GenerationRequest(prompt: [1, -1], maximumNewTokens: 1),
            .tokenOutOfRange(id: -1, index: 1, vocabularySize: 10)
        ),
        (GenerationRequest(prompt: [10], maximumNewTokens: 1), .tokenOutOfRange(id: 10, index: 0, vocabularySize: 10)),
        (
            GenerationRequest(prompt: [1, 2, 3, 4, 5, 6], maximumNewTokens: 1),
            .promptTooLong(tokens: 6, contextLength: 5)
        ),
        (
            GenerationRequest(prompt: [1], maximumNewTokens: -1),
            .settingOutOfRange(name: "the number of new tokens", found: "-1", needed: "0 or more")
        ),
        (
            GenerationRequest(prompt: [1], maximumNewTokens: 1, penalties: Penalties(repetition: .nan)),
            .settingOutOfRange(name: "repetition penalty", found: "nan", needed: "0.001 to 1000")
        ),
        (
            GenerationRequest(
                prompt: [1], maximumNewTokens: 1,
                sampling: .random(temperature: .infinity, seed: 0, filters: SamplingFilters())),
            .settingOutOfRange(name: "temperature", found: "inf", needed: "0 or more")
        ),
        (
            GenerationRequest(
                prompt: [1], maximumNewTokens: 1,
                sampling: .random(temperature: 1, seed: 0, filters: SamplingFilters(topK: 0))),
            .settingOutOfRange(name: "top-k", found: "0", needed: "1 or more")
        ),
        (
            GenerationRequest(
                prompt: [1], maximumNewTokens: 1,
                sampling: .random(temperature: 1, seed: 0, filters: SamplingFilters(topP: 1.5))),
            .settingOutOfRange(name: "top-p", found: "1.5", needed: "0 to 1")
        ),
        (
            GenerationRequest(
                prompt: [1], maximumNewTokens: 1,
                sampling: .random(temperature: 1, seed: 0, filters: SamplingFilters(minP: -0.5))),
            .settingOutOfRange(name: "min-p", found: "-0.5", needed: "0 to 1")
        ),
    ])
    func `a request that cannot run is refused by name`(request: GenerationRequest, error: GenerationError) async {
        await #expect(throws: error) { try await run(request, model: FakeModel(contextLength: 5)) }
    }
}
