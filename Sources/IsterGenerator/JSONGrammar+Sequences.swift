extension JSONGrammar {
    /// What a sequence is made of.
    public enum Part: Sendable {
        case text(String)
        /// A token that has no text.
        case token(Int32)
        case value(Rule)
        /// Bounded white space, or none.
        case space
    }

    /// One part after the other; at least one byte or token.
    public mutating func sequence(_ parts: [Part]) -> Rule {
        var node = GrammarBuilder.end
        for part in parts.reversed() {
            switch part {
            case .text(let text): node = builder.literal(text, node)
            case .token(let id): node = builder.token(id, node)
            case .value(let rule): node = builder.call(rule.id, node)
            case .space: node = builder.call(space, node)
            }
        }
        return Rule(id: builder.rule(node))
    }

    /// A rule once to `maximum` times.
    public mutating func repeated(_ rule: Rule, separator: String, maximum: Int) -> Rule {
        let more = builder.rule(builder.literal(separator, builder.call(rule.id, GrammarBuilder.end)))
        let rest = builder.loop(more, 0, maximum - 1, GrammarBuilder.end)
        return Rule(id: builder.rule(builder.call(rule.id, rest)))
    }
}
