import Testing

@testable import IsterGenerator

/// Which tokens a constraint allows, and what comes of it.
@Suite struct ConstraintTests {
    /// All bytes, then texts: of several kinds of characters, parts of them, twins, and one token without text.
    static let words: [[UInt8]] =
        [
            "{\"", "\":", "\": ", "\",", "\"}", "\"name\"", "name", "na", "true", "tru", "null", "12", "1.5", "e9",
            "}}", "[[",
            "]]", "é", "日本", "😀", "\\n", "\\u00", "\\ud8", "3d\\ude", " a", "  ", "\n  ", ",\n", "\"name\":\"na\"}",
            "na", "日本 name", "ab\"", "na 😀é name", "\"na",
        ].map { Array($0.utf8) } + [
            [0xE2, 0x82], [0x82, 0xAC], [0xF0, 0x9F], [0xC3, 0xA9, 0x22], [0xAC, 0x22, 0x7D], [],
        ]
    static let texts: [[UInt8]] = (UInt8.min ... .max).map { [$0] } + words
    static let end = Int32(texts.count - 1)
    static let vocabulary = TokenTrie(vocabularySize: texts.count) { texts[Int($0)] }

    private static func constraint(_ make: (inout JSONGrammar) -> JSONGrammar.Rule) -> Constraint {
        var json = JSONGrammar(vocabulary: vocabulary)
        let rule = make(&json)
        return Constraint(json.document(rule), vocabulary: vocabulary)
    }

    static let anyValue = constraint { $0.any() }
    static let person = constraint { json in
        json.object(
            [
                .init(key: "name", value: json.string(minimum: 1, maximum: 6), isRequired: true),
                .init(
                    key: "nap", value: json.any(of: [json.anyNumber(), json.literal(Array("null".utf8))]),
                    isRequired: false),
                .init(
                    key: "tags", value: json.array(prefix: [], items: json.string(maximum: 4), minimum: 1, maximum: 2),
                    isRequired: true),
            ], additional: nil)
    }

    /// Strings of which a token may be too long.
    static let bounded = constraint { json in
        let short = json.string(minimum: 2, maximum: 4)
        let long = json.string(maximum: 40)
        return json.array(prefix: [short, long], items: json.string(minimum: 3), minimum: 3, maximum: nil)
    }

    @Test(arguments: [("any", anyValue), ("person", person), ("bounded", bounded)])
    func `a mask is what trying each token finds`(name: String, constraint: Constraint) throws {
        var random = RandomSequence(seed: 9)
        for _ in 0..<12 {
            var state = ConstraintState(constraint, endTokens: [Self.end])
            var text: [UInt8] = []
            var automaton = GrammarAutomaton(constraint.grammar)
            while !state.isOver, text.count < 40 {
                let mask = try state.requiredMask()
                let place = text.reduce(automaton.start()) { automaton.next($0, $1) }
                let allowed = Self.texts.indices.filter { id in
                    !Self.texts[id].isEmpty && Self.texts[id].reduce(place) { automaton.next($0, $1) } >= 0
                }
                let found = Self.texts.indices.filter { mask.contains($0) && $0 != Int(Self.end) }
                #expect(found == allowed, "\(String(decoding: text, as: UTF8.self))")
                #expect(mask.contains(Int(Self.end)) == state.isComplete)
                // Words more often than single bytes: they lead further.
                let longer = allowed.filter { $0 > 255 }
                let choices = longer.isEmpty || random.nextBits() % 3 == 0 ? allowed : longer
                let id = choices[Int(random.nextBits() % UInt64(choices.count))]
                state.take(Int32(id))
                text += Self.texts[id]
            }
        }
    }

    @Test func `tokens that are spelled alike are allowed together`() throws {
        let twins = Self.texts.indices.filter { Self.texts[$0] == Array("na".utf8) }
        #expect(twins.count == 2)
        var state = ConstraintState(Self.anyValue, endTokens: [])
        state.take(Int32(UInt8(ascii: "\"")))
        let mask = try state.requiredMask()
        #expect(twins.allSatisfy(mask.contains))
    }

    @Test func `an end token with text is text, not an end`() throws {
        var state = ConstraintState(Self.anyValue, endTokens: [Int32(UInt8(ascii: "1"))])
        let atStart = try state.requiredMask()
        #expect(atStart.contains(Int(UInt8(ascii: "1"))))
        state.take(Int32(UInt8(ascii: "{")))
        let inObject = try state.requiredMask()
        #expect(!inObject.contains(Int(UInt8(ascii: "1"))))
    }

    static let samplings: [Sampling] = [
        .greedy, .random(temperature: 1, seed: 1, filters: SamplingFilters()),
        .random(temperature: 0.7, seed: 2, filters: SamplingFilters(topK: 5)),
        .random(temperature: 2, seed: 3, filters: SamplingFilters(topP: 0.5)),
        .random(temperature: 1, seed: 4, filters: SamplingFilters(topK: 1000, topP: 0.9, minP: 0.1)),
        .random(temperature: 1, seed: 5, filters: SamplingFilters(minP: 0.5)),
    ]

    @Test(arguments: samplings) func `no setting draws what is not allowed`(sampling: Sampling) {
        var request = GenerationRequest(
            prompt: [1], maximumNewTokens: 100, sampling: sampling,
            penalties: Penalties(repetition: 1.5, frequency: 1, presence: -2), endTokens: [Self.end])
        request.constraint = Self.person
        // What is forbidden most of the time is what the request and the model want most.
        request.logitBias = [Int32(UInt8(ascii: "}")): 100, Self.end: 100, Int32(UInt8(ascii: "{")): -100]
        var sequence = GenerationSequence(
            request, text: FakeText(bytes: Self.texts), vocabularySize: Self.texts.count)
        var random = RandomSequence(seed: 6)
        while sequence.finishReason == nil {
            let logits = Self.texts.map { _ in Float(random.nextUnit() * 20) }
            _ = sequence.take(logits.span)
        }
        let text = sequence.ids.flatMap { Self.texts[Int($0)] }
        var automaton = GrammarAutomaton(Self.person.grammar)
        let state = text.reduce(automaton.start()) { automaton.next($0, $1) }
        #expect(automaton.isComplete(state) == (sequence.finishReason == .stop))
        #expect(state >= 0 && (sequence.finishReason == .stop || sequence.ids.count == 100))
    }

    private func run(_ request: GenerationRequest, _ generator: Generator<FakeModel>) async -> GenerationSummary? {
        await Answer(generator.generate(request, text: FakeText(bytes: Self.texts))).summary
    }

    private func request(_ prompt: Int32 = 1, most: Int = 400, length: Int = 1) -> GenerationRequest {
        var request = GenerationRequest(
            prompt: Array(repeating: prompt, count: length), maximumNewTokens: most,
            sampling: .random(temperature: 3, seed: UInt64(prompt), filters: SamplingFilters()))
        request.constraint = Self.person
        return request
    }

    @Test func `the text ends with the document, without an end token`() async throws {
        let generator = Generator(thread: try ComputeThread(), source: FakeModel(vocabularySize: Self.texts.count + 7))
        let summary = try #require(await run(request(), generator))
        #expect(summary.finishReason == .stop)
        #expect(summary.text.hasSuffix("}"))
        let short = try #require(await run(request(most: 3), generator))
        #expect(short.finishReason == .length)
        #expect(summary.ids.starts(with: short.ids) && short.ids.count == 3)
        let exact = try #require(await run(request(most: summary.ids.count), generator))
        #expect(exact.finishReason == .stop)
    }

    @Test func `a document is the same alone, among others and after a preemption`() async throws {
        let count = Self.texts.count
        let alone = Generator(thread: try ComputeThread(), source: FakeModel(vocabularySize: count))
        let crowded = Generator(
            thread: try ComputeThread(),
            source: FakeModel(vocabularySize: count, batchRows: 64, sequenceCount: 6, blockCount: 12),
            limits: GeneratorLimits(runningCount: 6))
        let requests = (1...6).map { request(Int32($0), most: 60, length: 24) }
        let together = await withTaskGroup(of: (Int, GenerationSummary?).self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask { (index, await self.run(request, crowded)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        #expect(crowded.load.preemptionCount > 0)
        for (index, request) in requests.enumerated() {
            let expected = try #require(await run(request, alone))
            #expect(together[index]?.ids == expected.ids)
            #expect(together[index]?.finishReason == expected.finishReason)
        }
    }

    @Test func `a vocabulary larger than the model's is refused`() async throws {
        let generator = Generator(thread: try ComputeThread(), source: FakeModel(vocabularySize: 100))
        let answer = await Answer(generator.generate(request(), text: FakeText(bytes: Self.texts)))
        guard case .settingOutOfRange? = answer.error as? GenerationError else {
            Issue.record("\(String(describing: answer.error))")
            return
        }
    }
}
