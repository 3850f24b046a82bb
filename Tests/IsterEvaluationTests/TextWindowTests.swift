import IsterEvaluation
import IsterTokenizer
import Testing

@Suite struct TextWindowTests {
    @Test func `windows follow each other and the rest of the text is left out`() throws {
        let windows = try TextWindows(tokens: Array(10..<29), contextLength: 8, firstToken: nil)
        #expect(windows.count == 2)
        #expect(windows.window(0) == Array(10..<18))
        #expect(windows.window(1) == Array(18..<26))
        #expect(windows.firstScored == 4)
        #expect(windows.scoredPerWindow == 3)
    }

    @Test func `a model that wants a beginning of text gets it in place of each window's first token`() throws {
        let windows = try TextWindows(tokens: Array(10..<26), contextLength: 8, firstToken: 1)
        #expect(windows.window(1) == [1, 19, 20, 21, 22, 23, 24, 25])
        #expect(windows.tokens == Array(10..<26))
    }

    @Test func `the tokenizer's rule decides over the beginning of text`() throws {
        let model = try StoriesModel()
        let windows = try model.windows(of: 32)
        #expect(windows.firstToken == model.tokenizer.bosID)
        #expect(windows.tokens.first == model.tokenizer.bosID)
        var vocabulary = model.tokenizer.vocabulary
        vocabulary.prefixIDs = []
        let bare = try TextWindows(
            text: Array(StoriesModel.story.utf8), tokenizer: .init(vocabulary), contextLength: 32)
        #expect(bare.firstToken == nil)
        #expect(bare.tokens.prefix(31) == windows.tokens[1..<32])
    }

    @Test func `one line break at the end is not part of the text`() throws {
        let model = try StoriesModel()
        let text = Array("Lily ran.".utf8)
        let bare = try TextWindows(text: text, tokenizer: model.tokenizer, contextLength: 4)
        #expect(try TextWindows(text: text + [10], tokenizer: model.tokenizer, contextLength: 4) == bare)
    }

    @Test func `a limit keeps the first windows`() throws {
        let windows = try TextWindows(tokens: Array(0..<40), contextLength: 8, limit: 3, firstToken: nil)
        #expect(windows.count == 3)
        #expect(windows.tokens == Array(0..<24))
    }

    @Test func `empty and short texts and senseless sizes are refused by name`() throws {
        #expect(throws: EvaluationError.emptyText) {
            try TextWindows(tokens: [], contextLength: 8, firstToken: nil)
        }
        #expect(throws: EvaluationError.textTooShort(tokens: 7, needed: 8)) {
            try TextWindows(tokens: Array(0..<7), contextLength: 8, firstToken: nil)
        }
        #expect(throws: EvaluationError.invalidOption(name: "context length", found: 3, needed: "4 to 16777216")) {
            try TextWindows(tokens: Array(0..<7), contextLength: 3, firstToken: nil)
        }
        #expect(throws: EvaluationError.invalidOption(name: "windows", found: 0, needed: "1 or more")) {
            try TextWindows(tokens: Array(0..<7), contextLength: 4, limit: 0, firstToken: nil)
        }
        let model = try StoriesModel()
        for text in [[], [UInt8(10)]] {
            #expect(throws: EvaluationError.emptyText) {
                try TextWindows(text: text, tokenizer: model.tokenizer, contextLength: 8)
            }
        }
    }

    @Test func `tokens outside the vocabulary are refused with their place`() throws {
        let model = try StoriesModel()
        let windows = try TextWindows(tokens: [1, 2, 512, 3], contextLength: 4, firstToken: nil)
        #expect(throws: EvaluationError.tokenOutOfRange(found: 512, index: 2, vocabularySize: 512)) {
            _ = try PerplexityEvaluation(model.decoder(contextLength: 4), windows)
        }
    }
}
