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
