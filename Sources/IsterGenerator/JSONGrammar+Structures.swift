extension JSONGrammar {
    /// An array whose first items follow `prefix`, the others `items` (nil: there are none).
    public mutating func array(prefix: [Rule], items: Rule?, minimum: Int, maximum: Int?) -> Rule {
        let most = min(maximum ?? Int.max, items == nil ? prefix.count : Int.max)
        guard minimum <= most else { return any(of: []) }
        let close = builder.call(space, builder.literal("]", GrammarBuilder.end))
        // From the last of the items that have their own rule to the first.
        var rest = items.map { items in repeated(items, after: max(prefix.count, 1), minimum, maximum, close) } ?? close
        for index in prefix.indices.reversed() where index > 0 {
            let more = index < most ? [separated(prefix[index], rest)] : []
            rest = builder.choice(more + (index >= minimum ? [close] : []))
        }
        var first: [Grammar.NodeID] = []
        if minimum == 0 { first.append(builder.literal("]", GrammarBuilder.end)) }
        if most > 0, let rule = prefix.first ?? items { first.append(builder.call(rule.id, rest)) }
        let open = builder.call(space, builder.choice(first))
        return Rule(id: builder.rule(builder.literal("[", open)))
    }

    /// `, item` until the array, which has `count` items, is long enough.
    private mutating func repeated(
        _ items: Rule, after count: Int, _ minimum: Int, _ maximum: Int?, _ close: Grammar.NodeID
    ) -> Grammar.NodeID {
        let more = builder.rule(separated(items, GrammarBuilder.end))
        return builder.loop(more, max(minimum - count, 0), maximum.map { max($0 - count, 0) }, close)
    }

    private mutating func separated(_ rule: Rule, _ next: Grammar.NodeID) -> Grammar.NodeID {
        separated(rule.id, next)
    }

    private mutating func separated(_ rule: Grammar.RuleID, _ next: Grammar.NodeID) -> Grammar.NodeID {
        builder.literal(",", builder.call(space, builder.call(rule, next)))
    }

    /// An object with these members in this order, then any number of others whose values follow `additional`
    /// (nil: there are none). Keys of the others have no escapes; one of them may come twice.
    public mutating func object(_ properties: [Property], additional: Rule?) -> Rule {
        let close = builder.literal("}", GrammarBuilder.end)
        let closeLate = builder.call(space, close)
        var first = [close]
        var rest = closeLate
        if let additional {
            let other = otherMember(additional, except: properties.map(\.key))
            let more = builder.rule(separated(other, GrammarBuilder.end))
            rest = builder.loop(more, 0, nil, closeLate)
            first.append(builder.call(other, rest))
        }
        // `first`: no member was written yet; `rest`: some were.
        var start = builder.choice(first)
        for property in properties.reversed() {
            let member = self.member(property)
            let (begin, follow) = (builder.call(member, rest), separated(member, rest))
            start = property.isRequired ? begin : builder.choice([begin, start])
            rest = property.isRequired ? follow : builder.choice([follow, rest])
        }
        return Rule(id: builder.rule(builder.literal("{", builder.call(space, start))))
    }

    private mutating func member(_ property: Property) -> Grammar.RuleID {
        let value = afterKey(property.value)
        return builder.rule(builder.literal(JSONText.string(property.key), value))
    }

    private mutating func otherMember(_ value: Rule, except keys: [String]) -> Grammar.RuleID {
        let after = builder.literal("\"", afterKey(value))
        return builder.rule(builder.literal("\"", builder.otherKey(except: keys, after)))
    }

    private mutating func afterKey(_ value: Rule) -> Grammar.NodeID {
        let call = builder.call(value.id, GrammarBuilder.end)
        return builder.literal(":", builder.choice([call, builder.literal(" ", call)]))
    }
}

/// The one way in which known strings are written.
public enum JSONText {
    /// With quotes; escapes only where they must be.
    public static func string(_ text: String) -> [UInt8] {
        var bytes = [UInt8(ascii: "\"")]
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes += "\\\"".utf8
            case UInt8(ascii: "\\"): bytes += "\\\\".utf8
            case 0x08: bytes += "\\b".utf8
            case 0x09: bytes += "\\t".utf8
            case 0x0A: bytes += "\\n".utf8
            case 0x0C: bytes += "\\f".utf8
            case 0x0D: bytes += "\\r".utf8
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
            default: bytes.append(byte)
            }
        }
        return bytes + [UInt8(ascii: "\"")]
    }
}
