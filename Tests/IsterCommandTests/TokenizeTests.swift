import Testing

@testable import ister

struct TokenizeTests {
    @Test func `blank lines of a batch are lines, and only what follows the last line's end is none`() {
        let cases: [(text: String, lines: [String])] = [
            ("", []), ("a", ["a"]), ("a\nb\n", ["a", "b"]), ("a\n\nb\n", ["a", "", "b"]), ("\n", [""]),
            ("a\n\n", ["a", ""]),
        ]
        for (text, lines) in cases {
            let found = Tokenize.lines(of: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
            #expect(found == lines)
        }
    }
}
