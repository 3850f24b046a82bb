extension GrammarBuilder {
    private static let hexadecimal = ByteSet("0123456789abcdefABCDEF")

    /// Nothing, a space, or a line break and a bounded indentation.
    mutating func jsonSpace() -> RuleID {
        let blank = rule(bytes(ByteSet(" \t"), Self.end))
        let indentation = loop(blank, 0, JSONGrammar.mostIndentation, Self.end)
        return rule(choice([Self.end, literal(" ", Self.end), literal("\n", indentation)]))
    }

    /// A character of a string: plain or an escape; surrogates only in pairs.
    mutating func jsonCharacter() -> RuleID {
        var ways = CharacterBytes.plain.map { $0.node(&self, Self.end) }
        ways.append(literal("\\", choice([bytes(ByteSet("\"\\/bfnrt"), Self.end), literal("u", jsonCode())])))
        return rule(choice(ways))
    }

    /// Four hexadecimal digits of a character, or those of a surrogate and its pair.
    private mutating func jsonCode() -> NodeID {
        let two = hexadecimal(2, Self.end)
        let low = literal("\\u", bytes(ByteSet("dD"), bytes(ByteSet("cdefCDEF"), two)))
        let high = bytes(ByteSet("89abAB"), hexadecimal(2, low))
        let other = Self.hexadecimal.subtracting(ByteSet("dD"))
        return choice([
            bytes(other, hexadecimal(3, Self.end)),
            bytes(ByteSet("dD"), choice([bytes(ByteSet("01234567"), two), high])),
        ])
    }

    private mutating func hexadecimal(_ count: Int, _ next: NodeID) -> NodeID {
        (0..<count).reduce(next) { next, _ in bytes(Self.hexadecimal, next) }
    }

    /// -? (0 | [1-9][0-9]{0,17}): it fits 64 bits.
    mutating func jsonInteger(_ digit: RuleID) -> RuleID { rule(jsonWhole(digit, 17, Self.end)) }

    private mutating func jsonWhole(_ digit: RuleID, _ more: Int, _ next: NodeID) -> NodeID {
        let digits = bytes(ByteSet("123456789"), loop(digit, 0, more, next))
        let unsigned = choice([literal("0", next), digits])
        return choice([unsigned, literal("-", unsigned)])
    }

    /// An integer of 16 digits, perhaps 16 of a fraction and 2 of an exponent: a 64-bit float holds it.
    mutating func jsonNumber(_ digit: RuleID) -> RuleID {
        let power = loop(digit, 1, 2, Self.end)
        let exponent = bytes(ByteSet("eE"), choice([power, bytes(ByteSet("+-"), power)]))
        let tail = choice([Self.end, exponent])
        let fraction = literal(".", loop(digit, 1, 16, tail))
        return rule(jsonWhole(digit, 15, choice([Self.end, exponent, fraction])))
    }

    /// The inside of a key without escapes that is none of `keys`. next: after it.
    mutating func otherKey(except keys: [String], _ next: NodeID) -> NodeID {
        let character = rule(choice(CharacterBytes.plain.map { $0.node(&self, Self.end) }))
        let free = loop(character, 0, nil, next)
        // A key that needs an escape is not among those that are written here.
        let plain = keys.filter { JSONText.string($0).count == $0.utf8.count + 2 }
        return otherKey(plain.map { Array($0.unicodeScalars)[...] }, free, next)
    }

    /// What is left of a key that so far agrees with those of which `keys` are the rests. free: none agrees.
    private mutating func otherKey(_ keys: [ArraySlice<Unicode.Scalar>], _ free: NodeID, _ next: NodeID) -> NodeID {
        // A character takes about 27 nodes: without the guard a few long keys would take millions.
        guard !keys.isEmpty, !isTooLarge else { return free }
        var known: [CharacterBytes.Known] = []
        let heads = Dictionary(grouping: keys.filter { !$0.isEmpty }) { $0[$0.startIndex] }
        for (head, keys) in heads.sorted(by: { $0.key < $1.key }) {
            let rest = otherKey(keys.map { $0.dropFirst() }, free, next)
            known.append((Array(String(head).utf8), rest))
        }
        let ways = CharacterBytes.plain.map { $0.node(&self, known, otherwise: free) }
        return choice(ways + (keys.contains([]) ? [] : [next]))
    }
}

/// A part of the characters that stand in a JSON string without an escape, as sets of their bytes. Well-formed UTF-8
/// (Unicode, table 3-7).
struct CharacterBytes {
    typealias Known = (bytes: [UInt8], node: GrammarBuilder.NodeID)

    let sets: [ByteSet]

    static let plain: [CharacterBytes] = {
        let tail = ByteSet(0x80...0xBF)
        let sets = [
            [ByteSet(0x20...0x7F).subtracting(ByteSet("\"\\"))],
            [ByteSet(0xC2...0xDF), tail],
            [ByteSet(0xE0), ByteSet(0xA0...0xBF), tail],
            [ByteSet(0xE1...0xEC) | ByteSet(0xEE...0xEF), tail, tail],
            [ByteSet(0xED), ByteSet(0x80...0x9F), tail],
            [ByteSet(0xF0), ByteSet(0x90...0xBF), tail, tail],
            [ByteSet(0xF1...0xF3), tail, tail, tail],
            [ByteSet(0xF4), ByteSet(0x80...0x8F), tail, tail],
        ]
        return sets.map { CharacterBytes(sets: $0) }
    }()

    /// Any of them.
    func node(_ builder: inout GrammarBuilder, _ next: GrammarBuilder.NodeID) -> GrammarBuilder.NodeID {
        sets.reversed().reduce(next) { builder.bytes($1, $0) }
    }

    /// Known characters lead to their own nodes, all others to another.
    func node(
        _ builder: inout GrammarBuilder, _ known: [Known], otherwise: GrammarBuilder.NodeID
    ) -> GrammarBuilder.NodeID {
        guard let set = sets.first else { return otherwise }
        let rest = CharacterBytes(sets: Array(sets.dropFirst()))
        var others = set
        var ways: [GrammarBuilder.NodeID] = []
        let inside = known.filter { $0.bytes.first.map(set.contains) ?? false }
        for (byte, group) in Dictionary(grouping: inside, by: { $0.bytes[0] }).sorted(by: { $0.key < $1.key }) {
            others.remove(byte)
            let deeper = group.map { (bytes: Array($0.bytes.dropFirst()), node: $0.node) }
            // Of one byte and no more there is only one.
            let node = rest.sets.isEmpty ? deeper[0].node : rest.node(&builder, deeper, otherwise: otherwise)
            ways.append(builder.bytes(ByteSet(byte), node))
        }
        return builder.choice(ways + [builder.bytes(others, rest.node(&builder, otherwise))])
    }
}
