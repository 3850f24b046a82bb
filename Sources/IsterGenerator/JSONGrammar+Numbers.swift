/// Bounds of a number; nil: none on that side.
public struct NumberRange: Sendable, Equatable {
    public struct Bound: Sendable, Equatable {
        public var value: Int
        /// The value itself is out of the range.
        public var isExclusive: Bool

        public init(value: Int, isExclusive: Bool) {
            self.value = value
            self.isExclusive = isExclusive
        }
    }

    public var low: Bound?
    public var high: Bound?

    public init(low: Bound? = nil, high: Bound? = nil) {
        self.low = low
        self.high = high
    }

    /// The range of -x.
    fileprivate var negated: NumberRange {
        func negate(_ bound: Bound) -> Bound { Bound(value: -bound.value, isExclusive: bound.isExclusive) }
        return NumberRange(low: high.map(negate), high: low.map(negate))
    }
}

extension JSONGrammar {
    /// Greatest absolute value of a bound of decimals. With the fewer digits of a fraction, what is written and the
    /// 64-bit float that is read lie on the same side of it.
    public static let mostDecimalBound = 1_000_000_000
    private static let mostWhole = 999_999_999_999_999_999
    private static let mostDecimal = 999_999_999

    /// Integers from minimum to maximum, both included.
    public mutating func integer(minimum: Int?, maximum: Int?) -> Rule {
        let low = max(minimum ?? -Self.mostWhole, -Self.mostWhole)
        let high = min(maximum ?? Self.mostWhole, Self.mostWhole)
        var ways: [Grammar.NodeID] = []
        if high >= max(low, 0) { ways.append(builder.whole(max(low, 0), high, GrammarBuilder.end)) }
        if low < 0, -low >= max(-high, 1) {
            ways.append(builder.literal("-", builder.whole(max(-high, 1), -low, GrammarBuilder.end)))
        }
        return Rule(id: builder.rule(builder.choice(ways)))
    }

    /// Decimals without an exponent in a range, whose bounds are at most `mostDecimalBound`.
    public mutating func number(in range: NumberRange) -> Rule {
        let ways = [magnitude(range), builder.literal("-", magnitude(range.negated))]
        return Rule(id: builder.rule(builder.choice(ways)))
    }

    /// The numbers of a range that are 0 or more.
    private mutating func magnitude(_ range: NumberRange) -> Grammar.NodeID {
        let zero = NumberRange.Bound(value: 0, isExclusive: false)
        let low = range.low.flatMap { $0.value >= 0 ? $0 : nil } ?? zero
        let digits = String(max(low.value, range.high?.value ?? Self.mostDecimal)).count
        let places = 15 - digits
        let end = GrammarBuilder.end
        let fraction = builder.choice([end, builder.literal(".", builder.loop(digit, 1, places, end))])
        var ways: [Grammar.NodeID] = []
        let high = range.high?.value ?? Self.mostDecimal
        let first = low.isExclusive ? low.value + 1 : low.value
        let last = range.high == nil ? high : high - 1
        if low.isExclusive, low.value <= last { ways.append(literal(low.value, aboveZero(places))) }
        if first <= last { ways.append(builder.whole(first, last, fraction)) }
        let isLowest = high == low.value && low.isExclusive
        if let bound = range.high, !bound.isExclusive, high >= low.value, !isLowest {
            let zeros = builder.rule(builder.literal("0", end))
            let nothing = builder.literal(".", builder.loop(zeros, 1, places, end))
            ways.append(literal(high, builder.choice([end, nothing])))
        }
        return builder.choice(ways)
    }

    private mutating func literal(_ value: Int, _ next: Grammar.NodeID) -> Grammar.NodeID {
        builder.literal(String(value), next)
    }

    /// A fraction that is not 0.
    private mutating func aboveZero(_ places: Int) -> Grammar.NodeID {
        let some = ByteSet("123456789")
        // From the last place to the first: a place is 0 and some follow, or it is not and any may follow.
        var rest = builder.choice([])
        for place in (1...places).reversed() {
            let after = builder.loop(digit, 0, places - place, GrammarBuilder.end)
            rest = builder.choice([builder.literal("0", rest), builder.bytes(some, after)])
        }
        return builder.literal(".", rest)
    }
}

extension GrammarBuilder {
    /// The integers from `low` to `high`, which is not less; both 0 to 10^18 - 1.
    mutating func whole(_ low: Int, _ high: Int, _ next: NodeID) -> NodeID {
        var ways: [NodeID] = []
        var least = 0
        var power = 10
        for length in 1...18 {
            let (first, last) = (max(low, least), min(high, power - 1))
            if first <= last { ways.append(whole(Array(String(first).utf8), Array(String(last).utf8), next)) }
            least = power
            if length < 18 { power *= 10 }
        }
        return choice(ways)
    }

    /// The same for digits of one length.
    private mutating func whole(_ low: [UInt8], _ high: [UInt8], _ next: NodeID) -> NodeID {
        let (zero, nine) = (UInt8(ascii: "0"), UInt8(ascii: "9"))
        guard let first = low.first, let last = high.first else { return next }
        let (below, above) = (Array(low.dropFirst()), Array(high.dropFirst()))
        if first == last { return bytes(ByteSet(first), whole(below, above, next)) }
        let zeros = Array(repeating: zero, count: below.count)
        let nines = Array(repeating: nine, count: below.count)
        let any = below.reduce(next) { node, _ in bytes(ByteSet(zero...nine), node) }
        var (from, to) = (first, last)
        var ways: [NodeID] = []
        if below != zeros {
            ways.append(bytes(ByteSet(first), whole(below, nines, next)))
            from += 1
        }
        if above != nines {
            ways.append(bytes(ByteSet(last), whole(zeros, above, next)))
            to -= 1
        }
        if from <= to { ways.append(bytes(ByteSet(from...to), any)) }
        return choice(ways)
    }
}
