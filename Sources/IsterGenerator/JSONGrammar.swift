/// Grammars of JSON documents (RFC 8259) from rules for values. What is generated is a part of what is valid, chosen so
/// that no document is endless: objects have their members in the given order; white space is a space or a line break
/// with at most 32 blanks, and none before `,` and `:`; numbers have at most 18 digits, or 16 and 16 of a fraction and
/// an exponent of 2, or 9 and 5 if the number has bounds; arrays and objects nest about 60 deep.
public struct JSONGrammar: Sendable {
    /// A set of JSON values.
    public struct Rule: Sendable, Hashable {
        let id: Grammar.RuleID
    }

    /// A member of an object.
    public struct Property: Sendable {
        public var key: String
        public var value: Rule
        public var isRequired: Bool

        public init(key: String, value: Rule, isRequired: Bool) {
            self.key = key
            self.value = value
            self.isRequired = isRequired
        }
    }

    /// Most blanks after a line break.
    static let mostIndentation = 32

    var builder: GrammarBuilder
    let space: Grammar.RuleID
    let character: Grammar.RuleID
    let digit: Grammar.RuleID
    private(set) var number: Rule
    private(set) var integer: Rule
    private var anyValue: Rule?
    private var literals: [[UInt8]: Rule] = [:]

    /// vocabulary: only what its tokens can spell is part of the grammar.
    public init(vocabulary: TokenTrie) {
        self.init(spellable: vocabulary.singleBytes)
    }

    init(spellable: ByteSet = .all) {
        builder = GrammarBuilder(spellable: spellable)
        space = builder.jsonSpace()
        character = builder.jsonCharacter()
        digit = builder.rule(builder.bytes(ByteSet("0123456789"), GrammarBuilder.end))
        integer = Rule(id: builder.jsonInteger(digit))
        number = Rule(id: builder.jsonNumber(digit))
    }

    /// Whether this is more than a request may ask for.
    public var isTooLarge: Bool { builder.isTooLarge }

    public mutating func anyNumber() -> Rule { number }
    public mutating func anyInteger() -> Rule { integer }

    /// A value that is written in one way only.
    public mutating func literal(_ json: [UInt8]) -> Rule {
        if let rule = literals[json] { return rule }
        let rule = Rule(id: builder.rule(builder.literal(json, GrammarBuilder.end)))
        literals[json] = rule
        return rule
    }

    /// A string of `minimum` to `maximum` characters (code points); maximum: nil for any number.
    public mutating func string(minimum: Int = 0, maximum: Int? = nil) -> Rule {
        let close = builder.literal("\"", GrammarBuilder.end)
        let text = builder.loop(character, minimum, maximum, close)
        return Rule(id: builder.rule(builder.literal("\"", text)))
    }

    /// Any of several; of none: nothing.
    public mutating func any(of rules: [Rule]) -> Rule {
        if rules.count == 1 { return rules[0] }
        let calls = rules.map { builder.call($0.id, GrammarBuilder.end) }
        return Rule(id: builder.rule(builder.choice(calls)))
    }

    /// A rule that is defined later.
    public mutating func reserve() -> Rule { Rule(id: builder.reserve()) }

    public mutating func define(_ rule: Rule, as other: Rule) {
        builder.define(rule.id, builder.call(other.id, GrammarBuilder.end))
    }

    /// Any JSON value.
    public mutating func any() -> Rule {
        if let anyValue { return anyValue }
        let value = reserve()
        anyValue = value
        let words = ["true", "false", "null"].map { literal(Array($0.utf8)) }
        let kinds =
            words + [
                number, string(), array(prefix: [], items: value, minimum: 0, maximum: nil),
                object([], additional: value),
            ]
        define(value, as: any(of: kinds))
        return value
    }

    /// All documents: a value, perhaps after white space.
    public mutating func document(_ value: Rule) -> Grammar {
        let start = builder.call(space, builder.call(value.id, GrammarBuilder.end))
        return builder.grammar(start)
    }
}
