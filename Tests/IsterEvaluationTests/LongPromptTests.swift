@testable import IsterEvaluation
import IsterTokenizer
import Testing

/// Prompts and texts that do not fit into the context.
@Suite struct LongPromptTests {
    let model: StoriesModel

    init() throws { model = try StoriesModel() }

    private func suite(_ lines: String) throws -> TaskSuite {
        try TaskSuite.load(model.folder.write(Array(lines.utf8), "mine.jsonl"), folder: "")
    }

    private func item(_ id: String, words: Int) -> String {
        let question = Array(repeating: "Lily", count: words).joined(separator: " ")
        return
            "{\"id\":\"\(id)\",\"task\":\"mine\",\"question\":\"\(question)\",\"choices\":[\"a\",\"b\"],\"answer\":0}\n"
    }

    @Test func `prompts that are too long are told before the first is asked`() throws {
        let evaluation = try TaskEvaluation(model.decoder(contextLength: 64), tokenizer: model.tokenizer)
        let short = try suite(item("a", words: 4) + item("b", words: 8))
        try evaluation.requireRoom(short.items, of: short)
        let long = try suite(item("a", words: 4) + item("b", words: 80) + item("c", words: 90))
        do throws(EvaluationError) {
            try evaluation.requireRoom(long.items, of: long)
            Issue.record("nothing was refused")
        } catch {
            guard case .promptsTooLong("mine", count: 2, first: "b", let tokens, contextLength: 64, shots: 0) = error
            else {
                Issue.record("\(error)")
                return
            }
            // The prompt as the model would get it, with the choice.
            let prompt = try #require(long.prompt(long.items[1]).longest)
            #expect(tokens == model.tokenizer.encode(prompt, addSpecial: false, parseSpecial: false).count + 1)
            #expect(error.description.contains("leave such items out"))
        }
    }

    @Test func `choices that are scored besides are told, too`() throws {
        let evaluation = try TaskEvaluation(model.decoder(contextLength: 64), tokenizer: model.tokenizer)
        let long = Array(repeating: "Lily", count: 80).joined(separator: " ")
        let line = #"{"id":"a","task":"mine","question":"Who?","choices":["b","c"],"answer":0,"mc2_choices":["b",""#
        let suite = try suite(line + long + #""],"mc2_labels":[1,0]}"# + "\n")
        #expect(throws: EvaluationError.self) { try evaluation.requireRoom(suite.items, of: suite) }
    }

    @Test func `what is scored may fill the context, what is written needs room for a token`() throws {
        let text = Array(repeating: "1", count: 200).joined(separator: " ")
        let count = model.tokenizer.encode(text + " 2", addSpecial: false, parseSpecial: false).count
        let whole = count + model.tokenizer.vocabulary.prefixIDs.count
        let scored = TaskPrompt.score([ScoredText(context: text, continuation: " 2")])
        func beyond(_ prompt: TaskPrompt, _ contextLength: Int) -> Int? {
            PromptEncoder(tokenizer: model.tokenizer, contextLength: contextLength).tokensBeyondContext(prompt)
        }
        #expect(beyond(scored, whole) == nil && beyond(scored, whole - 1) == whole)
        let written = TaskPrompt.generate(context: text + " 2", stop: "")
        #expect(beyond(written, whole + 1) == nil && beyond(written, whole) == whole + 1)
    }

    private func written(limit: Int, endIDs: Set<Int32> = [], stop: String = "\u{1}") throws
        -> ContinuationWriter.Continuation
    {
        let encoder = PromptEncoder(tokenizer: model.tokenizer, contextLength: 64)
        let request = ContinuationWriter.Request(item: "x", context: "Once upon a time", stop: stop, limit: limit)
        var found: [ContinuationWriter.Continuation] = []
        let writer = ContinuationWriter(try model.decoder(contextLength: 64), encoder, endIDs: endIDs, [request])
        try writer.run { _, continuation in found.append(continuation) }
        return try #require(found.first)
    }

    @Test func `a text tells what cut it`() throws {
        let brief = try written(limit: 8)
        #expect(brief.cut == .limit)
        let long = try written(limit: 1000)
        #expect(long.cut == .context && long.text.hasPrefix(brief.text))
        let stopped = try written(limit: 1000, stop: "e")
        #expect(stopped.cut == nil && !stopped.text.contains("e"))
    }

    @Test func `any of the end tokens ends a text`() throws {
        let brief = try written(limit: 8)
        let second = model.tokenizer.encode("Once upon a time" + brief.text, addSpecial: false, parseSpecial: false)
        let begun = model.tokenizer.encode("Once upon a time", addSpecial: false, parseSpecial: false).count
        let ended = try written(limit: 8, endIDs: [second[begun + 2]])
        #expect(ended.cut == nil && brief.text.hasPrefix(ended.text) && ended.text.utf8.count < brief.text.utf8.count)
    }
}

extension TaskPrompt {
    /// The longest text that is scored.
    fileprivate var longest: String? {
        guard case .score(let texts) = self else { return nil }
        return texts.map { $0.context + $0.continuation }.max { $0.utf8.count < $1.utf8.count }
    }
}
