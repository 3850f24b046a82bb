import Testing

@testable import IsterGenerator

/// Free text in which a document may begin.
@Suite struct ConstraintOpeningTests {
    private static let words: [[UInt8]] = [
        "<a>", "<a>{\"", "a>[", "a>{\"", ">\n", ">x", "12", "}", "{\"k\"", "",
    ].map { Array($0.utf8) }
    private static let texts: [[UInt8]] = (UInt8.min ... .max).map { [$0] } + words
    private static let vocabulary = TokenTrie(vocabularySize: texts.count) { texts[Int($0)] }
    /// It has no text.
    private static let mark = Int32(texts.count - 1)

    private static func id(_ text: String) -> Int32 {
        Int32(texts.lastIndex(of: Array(text.utf8)) ?? -1)
    }

    private static func state(_ openings: [ConstraintOpening], repeats: Bool = false) -> ConstraintState {
        var json = JSONGrammar(vocabulary: vocabulary)
        let number = json.anyInteger()
        let object = json.object([.init(key: "k", value: number, isRequired: true)], additional: nil)
        let constraint = Constraint(
            json.document(object), vocabulary: vocabulary, openings: openings, repeats: repeats)
        return ConstraintState(constraint, endTokens: [])
    }

    private static let opening = ConstraintOpening(Array("<a>".utf8), token: mark)

    private func take(_ text: String, _ state: inout ConstraintState) {
        for byte in text.utf8 { state.take(Int32(byte)) }
    }

    @Test func `text is free until the opening, and a document follows it`() throws {
        var state = Self.state([Self.opening])
        take("{ <b ", &state)
        let isFree = state.mask() == nil
        #expect(isFree && state.isComplete && !state.isOver)
        take("<<a>", &state)
        let mask = try state.requiredMask()
        #expect(mask.contains(Int(UInt8(ascii: "{"))) && !mask.contains(Int(UInt8(ascii: "x"))))
        #expect(!state.isComplete)
        take("{\"k\":7}", &state)
        #expect(state.isOver && state.isComplete)
    }

    @Test func `a token that goes beyond the opening is allowed only if a document begins like that`() throws {
        var state = Self.state([Self.opening])
        let isFree = state.mask() == nil
        #expect(isFree)
        take("<", &state)
        let mask = try state.requiredMask()
        #expect(!mask.contains(Int(Self.id("a>["))) && mask.contains(Int(Self.id("a>{\""))))
        #expect(mask.contains(Int(Self.id(">x"))) && mask.contains(Self.texts.count + 3))
        take("a", &state)
        let next = try state.requiredMask()
        #expect(!next.contains(Int(Self.id(">x"))) && next.contains(Int(Self.id(">\n"))))
        #expect(next.contains(Int(Self.id("a>["))))
        state.take(Self.id(">\n"))
        take("{\"k\":", &state)
        let last = try state.requiredMask()
        #expect(last.contains(Int(Self.id("12"))))
    }

    @Test func `a token without text opens, too`() throws {
        var state = Self.state([Self.opening])
        take("x", &state)
        state.take(Self.mark)
        let mask = try state.requiredMask()
        #expect(!mask.contains(Int(UInt8(ascii: "x"))))
    }

    @Test func `after a document the text is free again, if it may be`() {
        var state = Self.state([Self.opening], repeats: true)
        for _ in 0..<2 {
            take("<a>{\"k\":7}", &state)
            let isFree = state.mask() == nil
            #expect(!state.isOver && state.isComplete && isFree)
            take(" more", &state)
        }
    }

    @Test(arguments: [(" \n{\"k\"", true), ("x{\"k\"", false), ("{\"k\"", true), ("{ {\"k\"", false)])
    func `an opening at the start counts only there, and is part of the document`(text: String, opens: Bool) {
        var state = Self.state([ConstraintOpening(Array("{\"k\"".utf8), isAtStart: true, isIncluded: true)])
        take(text, &state)
        let isFree = state.mask() == nil
        #expect(isFree != opens)
        take(":5}", &state)
        #expect(state.isOver == opens)
    }

    /// The first byte of its documents alone takes more than one mask may.
    @Test func `for want of fuel no token goes beyond the opening, and the document can be written`() throws {
        var json = JSONGrammar(vocabulary: Self.vocabulary)
        let ways = ["\"k\":7}"] + (10_000..<19_000).map { "\"\($0)\"}" }
        let rules = ways.map { json.literal(Array($0.utf8)) }
        let rest = json.any(of: rules)
        let rule = json.sequence([.text("{"), .value(rest)])
        let constraint = Constraint(json.document(rule), vocabulary: Self.vocabulary, openings: [Self.opening])
        var state = ConstraintState(constraint, endTokens: [])
        take("<", &state)
        let mask = try state.requiredMask()
        #expect(!mask.contains(Int(Self.id("a>{\""))) && mask.contains(Int(UInt8(ascii: "a"))))
        take("a>{\"k\":7}", &state)
        #expect(state.isOver && state.isComplete)
    }

    @Test func `free text is drawn as without a constraint`() {
        func answer(_ constraint: Constraint?) -> [Int32] {
            var request = GenerationRequest(
                prompt: [1], maximumNewTokens: 60,
                sampling: .random(temperature: 1, seed: 3, filters: SamplingFilters(topP: 0.9)))
            request.constraint = constraint
            var sequence = GenerationSequence(
                request, text: FakeText(bytes: Self.texts), vocabularySize: Self.texts.count)
            var random = RandomSequence(seed: 6)
            while sequence.finishReason == nil {
                let logits = Self.texts.map { $0.contains(UInt8(ascii: ">")) ? -20 : Float(random.nextUnit() * 20) }
                _ = sequence.take(logits.span)
            }
            return sequence.ids
        }
        var json = JSONGrammar(vocabulary: Self.vocabulary)
        let value = json.any()
        let constraint = Constraint(
            json.document(value), vocabulary: Self.vocabulary, openings: [ConstraintOpening(Array("<a>".utf8))])
        #expect(answer(constraint) == answer(nil))
    }
}

extension ConstraintState {
    /// Where the text is not free.
    mutating func requiredMask() throws -> TokenMask {
        let found = mask()
        return try #require(found)
    }
}
