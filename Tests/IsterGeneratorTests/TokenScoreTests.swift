import Foundation
import Testing

@testable import IsterGenerator

@Suite struct TokenScoreTests {
    @Test func `log probabilities are those of an independent implementation`() throws {
        let golden = try SamplerGolden.load()
        #expect(golden.scores.count == 6)
        for one in golden.scores {
            let bestCount = one.best.count == golden.logits.count ? 300 : one.best.count
            let score = TokenScore(logits: golden.logits.span, chosen: one.chosen, bestCount: bestCount)
            #expect(score.chosen == .init(id: one.chosen, logprob: Float(one.logprob)))
            #expect(score.best.map(\.id) == one.best)
            for (found, wanted) in zip(score.best, one.logprobs) {
                // One rounding to float of numbers that are equal to 1e-14.
                #expect(abs(Double(found.logprob) - wanted) <= Double(Float(wanted).ulp))
            }
        }
    }

    @Test(arguments: [1, 7, 8, 9, 31, 1000])
    func `probabilities add up to 1 and the best come in order`(count: Int) {
        var random = RandomSequence(seed: UInt64(count))
        // Few different logits, so many are equal.
        let logits = (0..<count).map { _ in Float(random.nextBits() % 23) - 11 }
        let score = TokenScore(logits: logits.span, chosen: 0, bestCount: count)
        #expect(abs(score.best.reduce(0.0) { $0 + exp(Double($1.logprob)) } - 1) < 1e-6)
        let order = logits.indices.sorted { logits[$0] > logits[$1] || (logits[$0] == logits[$1] && $0 < $1) }
        #expect(score.best.map { Int($0.id) } == order)
        #expect(score.best.allSatisfy { $0.logprob <= 0 })
        #expect(score.best.first { $0.id == 0 } == score.chosen)
        for most in [0, 1, 5] {
            #expect(TokenScore(logits: logits.span, chosen: 0, bestCount: most).best == Array(score.best.prefix(most)))
        }
    }

    @Test func `extreme logits give finite scores`() {
        let logits: [Float] = [3e38, -3e38, 0]
        let score = TokenScore(logits: logits.span, chosen: 1, bestCount: 3)
        #expect(score.best.map(\.id) == [0, 2, 1])
        #expect(score.best[0].logprob == 0)
        #expect(score.best[1].logprob == -3e38)
        // -6e38 is no float: the least one stands for it in JSON, which knows no infinity.
        #expect(score.chosen.logprob == -Float.greatestFiniteMagnitude)
        let equal = [Float](repeating: -7, count: 4)
        #expect(
            TokenScore(logits: equal.span, chosen: 3, bestCount: 1)
                == .init(
                    chosen: .init(id: 3, logprob: Float(log(0.25))), best: [.init(id: 0, logprob: Float(log(0.25)))]))
    }
}
