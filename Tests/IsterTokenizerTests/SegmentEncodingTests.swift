import IsterTokenizer
import Testing

@Suite struct SegmentEncodingTests {
    private static func segments(_ parts: [(String, Bool)]) -> [PromptSegment] {
        parts.map { PromptSegment(text: $0.0, isTrusted: $0.1) }
    }

    /// Cuts at random, as trusted and untrusted parts in turn.
    private static func cut(_ text: String, _ random: inout SplitMix) -> [PromptSegment] {
        var parts: [PromptSegment] = []
        var isTrusted = Bool.random(using: &random)
        for scalar in text.unicodeScalars {
            if parts.isEmpty || Int.random(in: 0..<3, using: &random) == 0 {
                isTrusted.toggle()
                parts.append(PromptSegment(text: "", isTrusted: isTrusted))
            }
            parts[parts.count - 1].text.unicodeScalars.append(scalar)
        }
        return parts
    }

    @Test(arguments: Golden.names)
    func `trusted text encodes as a whole with special tokens, untrusted text without`(name: String) throws {
        let tokenizer = try Golden.tokenizer(name)
        for bytes in try Golden.strings() {
            let text = String(decoding: bytes, as: UTF8.self)
            for isTrusted in [true, false] {
                let parts = text.unicodeScalars.map { PromptSegment(text: String($0), isTrusted: isTrusted) }
                let wanted = tokenizer.encode(text, addSpecial: false, parseSpecial: isTrusted)
                #expect(tokenizer.encode(parts, addSpecial: false) == wanted, "\(text)")
            }
        }
    }

    @Test(arguments: Golden.names)
    func `where a text is cut does not matter without added tokens`(name: String) throws {
        let tokenizer = try Golden.tokenizer(name)
        let added = Set(tokenizer.vocabulary.addedTokens.map(\.id))
        var random = SplitMix(state: 12)
        for bytes in try Golden.strings() {
            let text = String(decoding: bytes, as: UTF8.self)
            let plain = tokenizer.encode(text, addSpecial: true, parseSpecial: false)
            let read = tokenizer.encode(text, addSpecial: true, parseSpecial: true)
            guard plain == read, added.isDisjoint(with: plain) else { continue }
            #expect(tokenizer.encode(Self.cut(text, &random), addSpecial: true) == plain, "\(text)")
        }
    }

    @Test func `a special token of trusted text is read, one of a user is text`() throws {
        let tokenizer = try Golden.tokenizer("byte-level.json")
        let token = try #require(
            tokenizer.vocabulary.addedTokens.first { $0.isSpecial && !$0.stripsLeft && !$0.isSingleWord })
        let spelling = String(decoding: tokenizer.piece(token.id), as: UTF8.self)
        let half = spelling.index(spelling.startIndex, offsetBy: 2)
        func count(_ parts: [(String, Bool)]) -> Int {
            tokenizer.encode(Self.segments(parts), addSpecial: false).count { $0 == token.id }
        }
        #expect(count([(spelling, true)]) == 1)
        #expect(count([("a" + spelling + "b", false)]) == 0)
        #expect(count([("a", false), (spelling, true), (spelling, false), (spelling, true)]) == 2)
        #expect(count([(String(spelling[..<half]), true), (String(spelling[half...]), true)]) == 1)
        #expect(count([(String(spelling[..<half]), false), (String(spelling[half...]), true)]) == 0)
        #expect(count([(String(spelling[..<half]), true), (String(spelling[half...]), false)]) == 0)
        // What a user wrote before it cannot hide a trusted token.
        #expect(count([(String(spelling[..<half]), false), (spelling, true)]) == 1)
        #expect(count([(String(spelling.dropLast()), false), (spelling, true)]) == 1)
    }

    @Test(arguments: ["metaspace.json", "llama3.json"], ["<tool>", "[N]"])
    func `a mark that the template writes is text in a user's words, special or not`(
        name: String, mark: String
    ) throws {
        let tokenizer = try Golden.tokenizer(name)
        let id = try #require(tokenizer.id(ofPiece: Array(mark.utf8)))
        #expect(!tokenizer.isSpecial(id))
        func count(_ parts: [(String, Bool)]) -> Int {
            tokenizer.encode(Self.segments(parts), addSpecial: false).count { $0 == id }
        }
        #expect(count([(mark, true), ("x" + mark + "y", false), (mark, true)]) == 2)
        // Elsewhere it is read, as by the tokenizers package.
        #expect(count([("x" + mark + "y", false)]) == 1)
    }

    @Test(arguments: Golden.names)
    func `no cut makes a special token out of untrusted text`(name: String) throws {
        let tokenizer = try Golden.tokenizer(name)
        let special = Set(tokenizer.vocabulary.addedTokens.filter(\.isSpecial).map(\.id))
        var random = SplitMix(state: 5)
        for token in tokenizer.vocabulary.addedTokens where token.isSpecial {
            let text = " x" + String(decoding: tokenizer.piece(token.id), as: UTF8.self) + "y "
            let readable = text.unicodeScalars.count
            for _ in 0..<20 {
                var parts = Self.cut(text, &random)
                let untrusted = Int.random(in: 2..<readable - 2, using: &random)
                // One character of the token at least is a user's.
                parts = Self.distrusted(parts, untrusted)
                let ids = tokenizer.encode(parts, addSpecial: false)
                #expect(ids.allSatisfy { $0 != token.id || !special.contains($0) }, "\(parts)")
            }
        }
    }

    private static func distrusted(_ parts: [PromptSegment], _ place: Int) -> [PromptSegment] {
        var index = 0
        var out: [PromptSegment] = []
        for part in parts {
            for scalar in part.text.unicodeScalars {
                out.append(PromptSegment(text: String(scalar), isTrusted: part.isTrusted && index != place))
                index += 1
            }
        }
        return out
    }
}
