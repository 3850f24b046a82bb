import IsterTokenizer
import Testing

struct GoldenIDTests {
    @Test(arguments: Golden.names)
    func `ids equal the reference package's on 300 strings`(name: String) throws {
        let tokenizer = try Golden.tokenizer(name)
        let strings = try Golden.strings()
        let wanted = try Golden.plain(name)
        #expect(strings.count == 300 && wanted.count == 300)
        for (text, ids) in zip(strings, wanted) {
            let found = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
            #expect(found == ids, "\(String(decoding: text, as: UTF8.self).debugDescription)")
        }
    }

    @Test(arguments: Golden.names.filter { $0.hasSuffix(".json") })
    func `special tokens in the text are read as the reference package reads them`(name: String) throws {
        let tokenizer = try Golden.tokenizer(name)
        let strings = try Golden.strings()
        let parsed = try Golden.parsed(name)
        #expect(parsed.count > 10)
        for (index, ids) in parsed {
            let found = tokenizer.encode(strings[index], addSpecial: false, parseSpecial: true)
            #expect(found == ids, "\(String(decoding: strings[index], as: UTF8.self).debugDescription)")
        }
    }

    @Test(arguments: Golden.names)
    func `special tokens around the text are those of the post-processor`(name: String) throws {
        let tokenizer = try Golden.tokenizer(name)
        let found = tokenizer.encode(try Golden.strings()[12], addSpecial: true, parseSpecial: false)
        #expect(found == (try Golden.special(name)))
    }

    @Test(arguments: Golden.names)
    func `ids decode to the reference package's text`(name: String) throws {
        let tokenizer = try Golden.tokenizer(name)
        for (ids, text) in zip(try Golden.plain(name), try Golden.decoded(name)) {
            guard let text else { continue }
            #expect(tokenizer.decode(ids, skipSpecial: true) == text, "\(ids)")
        }
    }

    @Test(arguments: ["byte-level.json", "digits.json", "llama3.json", "qwen2.json"])
    func `byte-level ids decode to the text they came from`(name: String) throws {
        let tokenizer = try Golden.tokenizer(name)
        for text in try Golden.strings() {
            let ids = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
            #expect(tokenizer.decode(ids, skipSpecial: false) == text)
        }
    }

    @Test func `control tokens in text are special only when asked for`() throws {
        let tokenizer = try Golden.tokenizer("stories.model")
        let parsed = tokenizer.encode("<s>a</s>", addSpecial: false, parseSpecial: true)
        #expect(parsed.first == 1 && parsed.last == 2 && parsed.count < 6)
        let plain = tokenizer.encode("<s>a</s>", addSpecial: false, parseSpecial: false)
        #expect(!plain.contains(1) && !plain.contains(2))
    }

    @Test func `malformed UTF-8 counts as one U+FFFD for each longest malformed part`() throws {
        let tokenizer = try Golden.tokenizer("byte-level.json")
        let broken: [UInt8] = [0x61, 0xE2, 0x96, 0x62, 0xFF, 0xC0, 0x80, 0xF0, 0x9F]
        let repaired = "a\u{FFFD}b\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"
        #expect(String(decoding: broken, as: UTF8.self) == repaired)
        #expect(
            tokenizer.encode(broken, addSpecial: false, parseSpecial: false)
                == tokenizer.encode(repaired, addSpecial: false, parseSpecial: false))
    }

    /// A golden tokenizer with one more special token, which its model does not know.
    private func adding(_ spelling: String, to name: String) throws -> (tokenizer: Tokenizer, id: Int32) {
        var vocabulary = try Golden.vocabulary(name)
        let id = Int32(vocabulary.pieces.count)
        vocabulary.pieces.append(Array(spelling.utf8))
        vocabulary.addedTokens.append(Vocabulary.AddedToken(id: id, isSpecial: true))
        return (try Tokenizer(vocabulary), id)
    }

    /// As a whole word of a model that takes words before merging, and as a character.
    @Test(arguments: [("llama3.json", "###"), ("prepend.json", "\u{4E2D}")])
    func `text never becomes an added token that the model lacks unless it is parsed`(
        name: String, spelling: String
    ) throws {
        let (tokenizer, id) = try adding(spelling, to: name)
        let text = spelling + "hello A"
        let plain = try Golden.tokenizer(name).encode(text, addSpecial: false, parseSpecial: false)
        #expect(tokenizer.encode(text, addSpecial: false, parseSpecial: false) == plain)
        #expect(tokenizer.encode(text, addSpecial: false, parseSpecial: true).count { $0 == id } == 1)
        // Also after a vocabulary was stored, and when pieces that nothing uses follow it.
        var stored = tokenizer.vocabulary
        stored.pieces.append(Array("[PAD]".utf8))
        let read = try Tokenizer(Vocabulary(encodedBytes: stored.encodedBytes()))
        #expect(read.encode(text, addSpecial: false, parseSpecial: false) == plain)
    }

    @Test func `an added token that is a piece of the model stays one in text`() throws {
        var vocabulary = try Golden.vocabulary("llama3.json")
        let plain = try Tokenizer(vocabulary)
        let id = try #require(plain.id(ofPiece: Array("he".utf8)))
        vocabulary.addedTokens.append(Vocabulary.AddedToken(id: id, isSpecial: true))
        let ids = try Tokenizer(vocabulary).encode("he", addSpecial: false, parseSpecial: false)
        #expect(ids == [id] && ids == plain.encode("he", addSpecial: false, parseSpecial: false))
    }

    @Test func `a token tells its spelling, its bytes and whether it is special`() throws {
        let tokenizer = try Golden.tokenizer("stories.model")
        #expect(tokenizer.vocabularySize == 512)
        #expect(tokenizer.bosID == 1 && tokenizer.eosID == 2)
        #expect(tokenizer.piece(3) == Array("<0x00>".utf8) && tokenizer.textBytes(3) == [0])
        #expect(tokenizer.isSpecial(1) && !tokenizer.isSpecial(300))
        #expect(tokenizer.piece(-1).isEmpty && tokenizer.piece(512).isEmpty && !tokenizer.isSpecial(512))
        #expect(tokenizer.decode([-5, 512, .max, .min], skipSpecial: false).isEmpty)
        #expect(tokenizer.id(ofPiece: Array("</s>".utf8)) == 2)
    }
}
