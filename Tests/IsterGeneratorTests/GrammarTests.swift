import Testing

@testable import IsterGenerator

@Suite struct GrammarTests {
    private static func holds(_ grammar: Grammar, _ text: String) -> Bool {
        holds(grammar, Array(text.utf8))
    }

    private static func holds(_ grammar: Grammar, _ text: [UInt8]) -> Bool {
        var automaton = GrammarAutomaton(grammar)
        let state = text.reduce(automaton.start()) { automaton.next($0, $1) }
        return automaton.isComplete(state)
    }

    private static func grammar(_ make: (inout JSONGrammar) -> JSONGrammar.Rule) -> Grammar {
        var json = JSONGrammar()
        let rule = make(&json)
        return json.document(rule)
    }

    @Test func `any value is any JSON`() {
        let grammar = Self.grammar { $0.any() }
        let valid = [
            "null", "true", " false", "0", "-0", "12.5e-3", "\"\"", "[]", "[ ]", "{}", "[1,2, 3]",
            "{\"a\":{\"b\": []}}",
            "\"\\u00e9\\ud83d\\ude00\\n\"", "\"é😀\u{7F}\"", "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}",
        ]
        for text in valid { #expect(Self.holds(grammar, text), "\(text)") }
        let invalid = [
            "", "nul", "01", "+1", ".5", "1.", "1e", "[1,]", "[,1]", "{\"a\"}", "{a:1}", "\"\u{1}\"", "\"\\x\"", "1 2",
            "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"", "[1 2]", "{\"a\":1,}", "'a'", "\"a", "true1",
        ]
        for text in invalid { #expect(!Self.holds(grammar, text), "\(text)") }
    }

    @Test func `malformed UTF-8 is never text`() {
        let grammar = Self.grammar { $0.string() }
        let valid: [[UInt8]] = [
            [0xC2, 0x80], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF],
        ]
        for bytes in valid { #expect(Self.holds(grammar, [0x22] + bytes + [0x22])) }
        let invalid: [[UInt8]] = [
            [0x80], [0xC0, 0x80], [0xC2], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82],
        ]
        for bytes in invalid { #expect(!Self.holds(grammar, [0x22] + bytes + [0x22])) }
    }

    @Test func `white space has an end`() {
        let grammar = Self.grammar { $0.any() }
        let most = String(repeating: " ", count: JSONGrammar.mostIndentation)
        #expect(Self.holds(grammar, "[\n\(most)1]"))
        for text in ["[\n\(most) 1]", "[  1]", "[\n\n1]", "  1", "[1 ,2]", "{\"a\" :1}", "{\"a\":  1}", "1 ", "[] "] {
            #expect(!Self.holds(grammar, text), "\(text)")
        }
    }

    @Test(arguments: [(0, 0), (0, 9), (7, 123), (-3, 3), (-120, -99), (95, 1005), (-1, 0), (998, 1000)])
    func `integers between bounds are just those`(low: Int, high: Int) {
        let grammar = Self.grammar { $0.integer(minimum: low, maximum: high) }
        for value in (low - 130)...(high + 130) {
            #expect(Self.holds(grammar, String(value)) == (low...high).contains(value), "\(value)")
        }
    }

    @Test(arguments: [
        (0, false, 1, false), (0, true, 1, true), (-3, true, 2, false), (5, false, 5, false), (-7, false, -5, true),
    ])
    func `decimals between bounds are just those`(low: Int, isAbove: Bool, high: Int, isBelow: Bool) {
        let range = NumberRange(
            low: .init(value: low, isExclusive: isAbove), high: .init(value: high, isExclusive: isBelow))
        let grammar = Self.grammar { $0.number(in: range) }
        for step in (100 * low - 150)...(100 * high + 150) {
            let value = Double(step) / 100
            let isAllowed =
                (isAbove ? value > Double(low) : value >= Double(low))
                && (isBelow ? value < Double(high) : value <= Double(high))
            #expect(Self.holds(grammar, value.description) == isAllowed, "\(value)")
        }
        #expect(Self.holds(grammar, "\(low).0") == !isAbove)
    }

    @Test func `other keys are none of the known ones`() {
        let grammar = Self.grammar { json in
            let known = ["a", "ab", "né", "日本", "日", ""].map {
                JSONGrammar.Property(key: $0, value: json.literal([0x31]), isRequired: false)
            }
            return json.object(known, additional: json.literal([0x32]))
        }
        for key in ["a", "ab", "né", "日本", "日", ""] {
            #expect(Self.holds(grammar, "{\"\(key)\":1}"))
            #expect(!Self.holds(grammar, "{\"\(key)\":2}"))
        }
        for key in ["b", "abc", "aa", "n", "ne", "nè", "néé", "日曜", "旦", "日本語", "😀"] {
            #expect(Self.holds(grammar, "{\"\(key)\":2}"), "\(key)")
            #expect(!Self.holds(grammar, "{\"\(key)\":1}"), "\(key)")
        }
    }

    @Test func `depth is bounded, and what was begun can be ended`() {
        let grammar = Self.grammar { $0.any() }
        var automaton = GrammarAutomaton(grammar)
        var state = automaton.start()
        var depth = 0
        while automaton.next(state, UInt8(ascii: "[")) >= 0 {
            state = automaton.next(state, UInt8(ascii: "["))
            depth += 1
        }
        #expect((50...64).contains(depth))
        for _ in 0..<depth { state = automaton.next(state, UInt8(ascii: "]")) }
        #expect(automaton.isComplete(state))
    }

    /// Each level has two ways to be read: sets of stacks would double with each.
    @Test func `ambiguity costs no more than its bound`() {
        let grammar = Self.grammar { json in
            let value = json.reserve()
            let arrays = (0..<2).map { json.array(prefix: [], items: value, minimum: 0, maximum: 5 + $0) }
            json.define(value, as: json.any(of: arrays))
            return value
        }
        var automaton = GrammarAutomaton(grammar)
        var state = automaton.start()
        for _ in 0..<30 { state = automaton.next(state, UInt8(ascii: "[")) }
        for _ in 0..<30 { state = automaton.next(state, UInt8(ascii: "]")) }
        #expect(automaton.isComplete(state))
    }

    @Test func `a compacted automaton goes on as before`() {
        let grammar = Self.grammar { $0.any() }
        let text = Array("{\"a\":[1,{\"b\":\"x\"}]}".utf8)
        for place in text.indices {
            var automaton = GrammarAutomaton(grammar)
            var state = text[..<place].reduce(automaton.start()) { automaton.next($0, $1) }
            state = automaton.compact(keeping: state)
            state = text[place...].reduce(state) { automaton.next($0, $1) }
            #expect(automaton.isComplete(state))
        }
    }

    @Test func `what the vocabulary cannot spell is not asked for`() {
        var bytes = ByteSet(0x20...0x7E)
        bytes.remove(UInt8(ascii: "z"))
        var json = JSONGrammar(spellable: bytes)
        let rule = json.any(of: ["\"z\"", "\"é\"", "\"a\""].map { json.literal(Array($0.utf8)) })
        let grammar = json.document(rule)
        var automaton = GrammarAutomaton(grammar)
        let open = automaton.next(automaton.start(), UInt8(ascii: "\""))
        #expect((UInt8.min ... .max).filter { automaton.next(open, $0) >= 0 } == [UInt8(ascii: "a")])
        let none = json.any(of: [json.literal(Array("\"z\"".utf8))])
        #expect(!json.document(none).isPossible)
    }
}
