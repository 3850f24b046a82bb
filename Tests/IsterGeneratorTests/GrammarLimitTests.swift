import Testing

@testable import IsterGenerator

/// Grammars whose states have more ways to be read than there is time for.
@Suite struct GrammarLimitTests {
    private static func numbers(_ range: Range<Int>, in json: inout JSONGrammar) -> JSONGrammar.Rule {
        json.any(of: range.map { json.literal(Array(String($0).utf8)) })
    }

    @Test func `looking for the ways of one state has an end, and a document is left`() throws {
        var json = JSONGrammar()
        let items = Self.numbers(1000..<2000, in: &json)
        let arrays = (0..<100).map { _ in json.array(prefix: [], items: items, minimum: 0, maximum: nil) }
        let rule = json.any(of: arrays)
        var automaton = GrammarAutomaton(json.document(rule))
        let start = automaton.start()
        let plenty = 1 << 30
        automaton.fuel = plenty
        var state = automaton.next(start, UInt8(ascii: "["))
        #expect(plenty - (automaton.fuel ?? 0) <= GrammarAutomaton.closeLimit)
        for _ in 0..<4 {
            let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
            let digit = try #require(digits.first { automaton.next(state, $0) >= 0 })
            state = automaton.next(state, digit)
        }
        state = automaton.next(state, UInt8(ascii: "]"))
        #expect(automaton.isComplete(state))
    }

    @Test func `the start is looked for once`() {
        var json = JSONGrammar()
        let rule = json.any()
        var automaton = GrammarAutomaton(json.document(rule))
        let start = automaton.start()
        automaton.fuel = 1000
        #expect(automaton.start() == start && automaton.fuel == 1000)
        automaton.fuel = nil
        let state = automaton.next(start, UInt8(ascii: "["))
        _ = automaton.compact(keeping: state)
        let text = Array("[1]".utf8)
        let end = text.reduce(automaton.start()) { automaton.next($0, $1) }
        #expect(automaton.isComplete(end))
    }

    /// 52 letters, after each of which there are about 4,000 threads.
    @Test func `single bytes have their bound, too, and some of them are always allowed`() throws {
        let vocabulary = ConstraintTests.vocabulary
        var json = JSONGrammar(vocabulary: vocabulary)
        let items = Self.numbers(1000..<3000, in: &json)
        let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        let values = letters.map { json.sequence([.text(String($0)), .value(items)]) }
        let rule = json.any(of: values)
        var state = ConstraintState(Constraint(json.document(rule), vocabulary: vocabulary), endTokens: [])
        let mask = try state.requiredMask()
        let allowed = letters.utf8.filter { mask.contains(Int($0)) }
        #expect((10...40).contains(allowed.count))
        let letter = try #require(allowed.last)
        for byte in [letter] + Array("1234".utf8) {
            let mask = try state.requiredMask()
            #expect(mask.contains(Int(byte)))
            state.take(Int32(byte))
        }
        #expect(state.isComplete)
    }

    @Test func `keys that are too long to be told from others are not spelt out`() {
        var json = JSONGrammar()
        let value = json.any()
        let properties = (100..<300).map { number in
            JSONGrammar.Property(key: "\(number)" + String(repeating: "k", count: 250), value: value, isRequired: false)
        }
        _ = json.object(properties, additional: value)
        #expect(json.isTooLarge)
        // The last choice is added whole.
        #expect(json.builder.size <= GrammarBuilder.nodeLimit + properties.count)
    }
}
