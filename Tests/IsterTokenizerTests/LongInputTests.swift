import IsterTokenizer
import Testing

/// A quadratic merge would take hours on these.
struct LongInputTests {
    @Test(.timeLimit(.minutes(1)), arguments: ["stories.model", "byte-level.json"])
    func `a MiB without a word boundary is encoded`(name: String) throws {
        let tokenizer = try Golden.tokenizer(name)
        for unit in ["a", " "] {
            let text = Array(String(repeating: unit, count: (1 << 20) / unit.utf8.count).utf8)
            let ids = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
            let back = tokenizer.decode(ids, skipSpecial: false)
            #expect(back == text, "\(unit.debugDescription)")
        }
    }

    @Test(arguments: ["stories.model", "stories-user.model", "byte-level.json", "prepend.json"])
    func `the queue of long words merges as the scan of short ones`(name: String) throws {
        // Words that repeat merge the same wherever no piece joins two of them: 20 symbols are scanned, 400 queued.
        let tokenizer = try Golden.tokenizer(name)
        let word = tokenizer.encode("x\u{1}themothers\u{1}", addSpecial: false, parseSpecial: false)
        let tail = tokenizer.encode("x\u{1}themothers\u{1}themothers\u{1}", addSpecial: false, parseSpecial: false)
        let repeated = Array(tail[word.count...])
        let text = "x\u{1}themothers\u{1}" + String(repeating: "themothers\u{1}", count: 40)
        let long = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
        #expect(long == word + (0..<40).flatMap { _ in repeated })
    }
}
