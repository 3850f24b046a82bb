import IsterTokenizer
import Testing

struct StreamDecoderTests {
    private func streamed(_ tokenizer: Tokenizer, _ ids: [Int32], prompt: [Int32] = [], skipSpecial: Bool) -> [UInt8] {
        var stream = StreamDecoder(tokenizer, prompt: prompt, skipSpecial: skipSpecial)
        var text: [UInt8] = []
        for id in ids { text += Array(stream.append(id).utf8) }
        return text + Array(stream.finish().utf8)
    }

    @Test(arguments: Golden.names, [true, false])
    func `streamed text is what decoding all ids gives`(name: String, skipSpecial: Bool) throws {
        let tokenizer = try Golden.tokenizer(name)
        var random = SplitMix(state: 7)
        var lists = try Golden.plain(name)
        let count = Int32(tokenizer.vocabularySize)
        for _ in 0..<300 { lists.append((0..<12).map { _ in Int32.random(in: -1...count, using: &random) }) }
        for ids in lists {
            #expect(
                streamed(tokenizer, ids, skipSpecial: skipSpecial) == tokenizer.decode(ids, skipSpecial: skipSpecial))
        }
    }

    @Test(arguments: Golden.names)
    func `no half character leaves the stream`(name: String) throws {
        let tokenizer = try Golden.tokenizer(name)
        for (text, ids) in zip(try Golden.strings(), try Golden.plain(name)) {
            if text.contains(0xEF) { continue }
            var stream = StreamDecoder(tokenizer)
            for id in ids { #expect(!stream.append(id).unicodeScalars.contains("\u{FFFD}")) }
            #expect(stream.finish().isEmpty)
        }
    }

    @Test(arguments: Golden.names)
    func `text after a prompt is decode of all minus decode of the prompt`(name: String) throws {
        let tokenizer = try Golden.tokenizer(name)
        var checked = 0
        for ids in try Golden.plain(name) {
            for cut in 0...ids.count {
                let prompt = Array(ids[..<cut])
                let before = tokenizer.decode(prompt, skipSpecial: true)
                let all = tokenizer.decode(ids, skipSpecial: true)
                // A cut inside a character has no text of its own.
                guard all.starts(with: before) else { continue }
                checked += 1
                #expect(
                    streamed(tokenizer, Array(ids[cut...]), prompt: prompt, skipSpecial: true)
                        == Array(all[before.count...]))
            }
        }
        #expect(checked > 1000)
    }

    @Test func `a space after the prompt stays, one at the very start goes`() throws {
        let tokenizer = try Golden.tokenizer("stories.model")
        let ids = tokenizer.encode("Once upon", addSpecial: true, parseSpecial: false)
        let next = tokenizer.encode("there", addSpecial: false, parseSpecial: false)
        #expect(streamed(tokenizer, next, skipSpecial: true) == Array("there".utf8))
        #expect(streamed(tokenizer, next, prompt: [1], skipSpecial: true) == Array("there".utf8))
        #expect(streamed(tokenizer, next, prompt: ids, skipSpecial: true) == Array(" there".utf8))
    }

    @Test func `what stays incomplete becomes U+FFFD at the end`() throws {
        let tokenizer = try Golden.tokenizer("stories.model")
        var stream = StreamDecoder(tokenizer)
        // <0xE2><0x96>: byte b has id b + 3.
        #expect(stream.append(0xE2 + 3).isEmpty && stream.append(0x96 + 3).isEmpty)
        #expect(stream.finish() == "\u{FFFD}\u{FFFD}")
        #expect(stream.finish().isEmpty)
    }
}
