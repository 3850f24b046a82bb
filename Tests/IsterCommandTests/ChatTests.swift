import ArgumentParser
import Testing

@testable import ister

struct ChatTests {
    private func keys(_ bytes: [UInt8]) -> [ChatKey] {
        var parser = ChatKeyParser()
        return bytes.compactMap { parser.take($0) }
    }

    private func typed(_ text: String, then: [ChatKey] = []) -> ChatLine {
        var line = ChatLine()
        for key in keys(Array(text.utf8)) + then { _ = line.handle(key) }
        return line
    }

    @Test func `keys come out of a terminal's bytes`() {
        #expect(keys(Array("aé🌊\r".utf8)) == [.text("a"), .text("é"), .text("🌊"), .enter])
        #expect(keys(Array("\u{1B}[A\u{1B}OB\u{1B}[3~\u{1B}[1;5D".utf8)) == [.up, .down, .delete, .wordLeft])
        #expect(keys([0x03, 0x04, 0x7F]) == [.interrupt, .endOfInput, .backspace])
        #expect(keys(Array("\u{1B}[200~one\ntwo\u{1B}[201~\r".utf8)) == [.paste("one\ntwo"), .enter])
    }

    @Test func `sequences that are unknown or broken never become text`() {
        #expect(keys(Array("\u{1B}[99;99z\u{1B}Pq".utf8)) == [.text("q")])
        #expect(keys([0xFF, 0xC3, UInt8(ascii: "x"), 0xE2, 0x82]) == [.text("x")])
    }

    @Test func `a line is edited at the cursor`() {
        #expect(String(typed("helo", then: [.left, .text("l")]).characters) == "hello")
        #expect(String(typed("one two", then: [.eraseWord, .backspace]).characters) == "one")
        #expect(String(typed("abc", then: [.home, .delete, .end, .text("d")]).characters) == "bcd")
        #expect(typed("e\u{301}").characters.count == 1)
        var line = typed("", then: [.left, .backspace, .delete, .wordLeft, .wordRight, .up, .down])
        #expect(line.handle(.endOfInput) == .ended)
    }

    @Test func `the history gives back lines and the draft`() {
        var line = typed("first")
        #expect(line.handle(.enter) == .entered("first"))
        for key in keys(Array("dra".utf8)) { _ = line.handle(key) }
        _ = line.handle(.up)
        #expect(String(line.characters) == "first")
        _ = line.handle(.down)
        #expect(String(line.characters) == "dra")
    }

    @Test func `a long line shows the part around its cursor`() {
        let line = typed(String(repeating: "x", count: 200) + "end")
        let window = line.window(width: 20)
        #expect(window.text.hasSuffix("end") && window.text.count < 20 && window.column == window.text.count)
        #expect(typed("日本").window(width: 20).column == 4)
        #expect(typed(String(repeating: "日", count: 50)).window(width: 20).column < 20)
    }

    @Test func `a paste holds no control characters`() {
        let line = typed("", then: [.paste("a\u{1B}[2Jb\u{7}\r\nc")])
        #expect(String(line.characters) == "a[2Jb\nc")
    }

    @Test(arguments: [
        (["one"], "one"), (["one \\", "two"], "one \ntwo"), (["\"\"\"", "a", "", "b\"\"\""], "a\n\nb"),
        (["\"\"\"a", "\"\"\""], "a"), (["\"\"\"a\"\"\""], "a"),
    ])
    func `lines join to messages`(lines: [String], message: String) {
        var assembler = ChatAssembler()
        let results = lines.map { assembler.add($0) }
        #expect(results.last == message && results.dropLast().allSatisfy { $0 == nil })
    }

    @Test func `commands are told from messages`() throws {
        #expect(try ChatCommand("hello /help") == nil)
        #expect(try ChatCommand(" /help") == nil)
        #expect(try ChatCommand("/system be  brief ") == .system("be  brief"))
        #expect(try ChatCommand("/system \"\"") == .system(""))
        #expect(try ChatCommand("/set top-p 0.9") == .set(name: "top-p", value: "0.9"))
        for wrong in ["/helpme", "/", "/reset now", "/save", "/set seed"] {
            #expect(throws: ChatCommandError.self) { try ChatCommand(wrong) }
        }
    }

    @Test func `settings take what the options take and nothing else`() throws {
        var settings = ChatSettings(try SamplingOptions.parse(["--top-k", "7"]), tokenCount: nil)
        try settings.set("temperature", "0.7")
        try settings.set("top-k", "3")
        #expect(settings.options.temperature == 0.7 && settings.options.topK == 3)
        try settings.set("top-k", "default")
        #expect(settings.options.topK == 7)
        for (name, value) in [("temperature", "nan"), ("top-p", "2"), ("top-k", "0"), ("seed", "-1"), ("heat", "1")] {
            #expect(throws: ChatCommandError.self) { try settings.set(name, value) }
        }
    }
}
