/// Formats of strings that are held exactly (JSON Schema draft 2020-12, section 7.3; RFC 3339, RFC 9562).
public enum StringFormat: String, Sendable, CaseIterable {
    case date
    case time
    case dateTime = "date-time"
    case uuid
    case ipv4
}

extension JSONGrammar {
    /// Dates have years from 1000 and the days that their months have in every year, so none is the 29th of February;
    /// seconds end at 59.
    public mutating func string(format: StringFormat) -> Rule {
        let close = builder.literal("\"", GrammarBuilder.end)
        let text: Grammar.NodeID
        switch format {
        case .date: text = date(close)
        case .time: text = time(close)
        case .dateTime: text = date(builder.literal("T", time(close)))
        case .uuid: text = uuid(close)
        case .ipv4: text = ipv4(close)
        }
        return Rule(id: builder.rule(builder.literal("\"", text)))
    }

    private mutating func digits(_ count: Int, _ next: Grammar.NodeID) -> Grammar.NodeID {
        builder.loop(digit, count, count, next)
    }

    /// Two digits from `low` to `high`.
    private mutating func pair(_ low: Int, _ high: Int, _ next: Grammar.NodeID) -> Grammar.NodeID {
        func digits(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }
        return builder.choice((low...high).map { builder.literal(digits($0), next) })
    }

    private mutating func date(_ next: Grammar.NodeID) -> Grammar.NodeID {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        let days = [28, 30, 31].map { ($0, builder.literal("-", pair(1, $0, next))) }
        let months = lengths.enumerated().map { month, length in
            pair(month + 1, month + 1, days.first { $0.0 == length }?.1 ?? next)
        }
        return bytesOf("123456789", digits(3, builder.literal("-", builder.choice(months))))
    }

    private mutating func time(_ next: Grammar.NodeID) -> Grammar.NodeID {
        let offset = bytesOf("+-", pair(0, 23, builder.literal(":", pair(0, 59, next))))
        let zone = builder.choice([bytesOf("Zz", next), offset])
        let fraction = builder.literal(".", builder.loop(digit, 1, 9, zone))
        let seconds = builder.literal(":", pair(0, 59, builder.choice([zone, fraction])))
        return pair(0, 23, builder.literal(":", pair(0, 59, seconds)))
    }

    private mutating func bytesOf(_ text: String, _ next: Grammar.NodeID) -> Grammar.NodeID {
        builder.bytes(ByteSet(text), next)
    }

    private mutating func uuid(_ next: Grammar.NodeID) -> Grammar.NodeID {
        let letter = builder.rule(bytesOf("0123456789abcdefABCDEF", GrammarBuilder.end))
        var node = next
        for (index, count) in [12, 4, 4, 4, 8].enumerated() {
            node = builder.loop(letter, count, count, index == 0 ? node : builder.literal("-", node))
        }
        return node
    }

    private mutating func ipv4(_ next: Grammar.NodeID) -> Grammar.NodeID {
        var node = builder.whole(0, 255, next)
        for _ in 0..<3 { node = builder.whole(0, 255, builder.literal(".", node)) }
        return node
    }
}
