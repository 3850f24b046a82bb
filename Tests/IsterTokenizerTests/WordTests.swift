import Testing

@testable import IsterTokenizer

struct WordTests {
    @Test(arguments: ["gpt2", "digits", "llama3", "qwen2"])
    func `text is cut into words as the reference package cuts it`(rule: String) throws {
        let kinds: [String: Vocabulary.PreTokenizer] = [
            "gpt2": .gpt2, "digits": .digitsGPT2, "llama3": .llama3, "qwen2": .qwen2,
        ]
        let kind = try #require(kinds[rule])
        for (text, wanted) in zip(try Golden.strings(), try Golden.words(rule)) {
            var splitter = WordSplitter(kind, 0..<text.count)
            var words: [[UInt8]] = []
            while let word = splitter.next(text) { words.append(Array(text[word])) }
            #expect(words == wanted, "\(String(decoding: text, as: UTF8.self).debugDescription)")
        }
    }
}
