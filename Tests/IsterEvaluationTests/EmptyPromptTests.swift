@testable import IsterEvaluation
import IsterTokenizer
import Testing

/// Prompts and continuations without a token.
@Suite struct EmptyPromptTests {
    let model: StoriesModel

    init() throws { model = try StoriesModel() }

    /// The model's tokenizer without tokens for the beginning and the end of a text.
    private func bareTokenizer() throws -> Tokenizer {
        var vocabulary = model.tokenizer.vocabulary
        vocabulary.bosID = nil
        vocabulary.eosID = nil
        vocabulary.prefixIDs = []
        vocabulary.suffixIDs = []
        return try Tokenizer(vocabulary)
    }

    private func scorer(_ tokenizer: Tokenizer) throws -> ContinuationScorer {
        ContinuationScorer(try model.decoder(contextLength: 64), encoder(tokenizer))
    }

    private func encoder(_ tokenizer: Tokenizer) -> PromptEncoder {
        PromptEncoder(tokenizer: tokenizer, contextLength: 64)
    }

    @Test func `an empty prompt needs a token for the beginning of a text`() throws {
        let empty = ScoredText(context: "", continuation: " Once")
        let bare = try scorer(bareTokenizer())
        #expect(throws: EvaluationError.emptyContext(item: "x")) { _ = try bare.logProbability(empty, item: "x") }
        #expect(throws: EvaluationError.emptyContext(item: "x")) {
            _ = try encoder(bareTokenizer()).tokens("", item: "x")
        }
        // Also after a context, which the decoder holds; and the next item is scored as if nothing had happened.
        let other = ScoredText(context: "Once upon", continuation: " a time")
        let before = try bare.logProbability(other, item: "y")
        #expect(throws: EvaluationError.emptyContext(item: "x")) { _ = try bare.logProbability(empty, item: "x") }
        #expect(try bare.logProbability(other, item: "y") == before)
        #expect(try scorer(model.tokenizer).logProbability(empty, item: "x") < 0)
    }

    @Test func `a continuation that adds no token is refused, since it would always win`() throws {
        let merged = ScoredText(context: "th", continuation: "e")
        let scorer = try scorer(model.tokenizer)
        #expect(try encoder(model.tokenizer).tokens(merged, item: "x").continuation.isEmpty)
        #expect(throws: EvaluationError.emptyContinuation(item: "x", text: "e")) {
            _ = try scorer.logProbability(merged, item: "x")
        }
    }

    @Test func `the errors name the item`() {
        #expect(EvaluationError.emptyContext(item: "mine/3").description.hasPrefix("item mine/3: "))
        #expect(EvaluationError.emptyContinuation(item: "mine/3", text: "s").description.hasPrefix("item mine/3: "))
    }
}
