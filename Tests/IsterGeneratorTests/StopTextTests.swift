import Testing

@testable import IsterGenerator

@Suite struct StopTextTests {
    /// Pushes the pieces one by one and returns what was shown at each, then what `finish` gave.
    private func show(_ pieces: [String], stops: [String]) -> [String] {
        var stop = StopText(stops)
        var shown = pieces.map { String(decoding: stop.push($0.utf8), as: UTF8.self) }
        shown.append(String(decoding: stop.finish(), as: UTF8.self))
        return shown
    }

    @Test func `text without a stop string passes at once`() {
        #expect(show(["ab", "cd"], stops: ["x"]) == ["ab", "cd", ""])
        #expect(show(["ab", "cd"], stops: []) == ["ab", "cd", ""])
        #expect(show(["ab"], stops: [""]) == ["ab", ""])
    }

    @Test func `a stop string inside a piece cuts it`() {
        #expect(show(["one STOP two", "three"], stops: ["STOP"]) == ["one ", "", ""])
    }

    @Test func `a stop string over three pieces is found`() {
        #expect(show(["one S", "TO", "P two"], stops: ["STOP"]) == ["one ", "", "", ""])
    }

    @Test func `a beginning that is no stop string is shown late but whole`() {
        #expect(show(["one S", "TO", "RY"], stops: ["STOP"]) == ["one ", "", "STORY", ""])
        #expect(show(["one ST"], stops: ["STOP"]) == ["one ", "ST"])
    }

    @Test func `an overlapping beginning is kept`() {
        #expect(show(["aa", "ab", "!"], stops: ["aab"]) == ["", "a", "", ""])
        #expect(show(["xaa", "a", "b"], stops: ["aab"]) == ["x", "a", "", ""])
    }

    @Test func `the earliest of several stop strings counts`() {
        #expect(show(["a<b>c</b>"], stops: ["</b>", "<b>"]) == ["a", ""])
        #expect(show(["abcd"], stops: ["bcd", "ab"]) == ["", ""])
    }

    @Test func `stop strings compare by bytes, not by canonical equivalence`() {
        #expect(show(["cafe\u{301}"], stops: ["é"]) == ["cafe\u{301}", ""])
        #expect(show(["caf\u{e9}s"], stops: ["é"]) == ["caf", ""])
    }

    @Test func `every split of a text gives the same result`() {
        let text = "Ünï 🧭 code END tail"
        let characters = Array(text.unicodeScalars)
        for first in 0...characters.count {
            for second in first...characters.count {
                let pieces = [characters[..<first], characters[first..<second], characters[second...]].map {
                    String(String.UnicodeScalarView($0))
                }
                #expect(show(pieces, stops: ["END", "🧭🧭"]).joined() == "Ünï 🧭 code ")
            }
        }
    }
}
