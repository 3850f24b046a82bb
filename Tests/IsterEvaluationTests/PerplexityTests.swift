import Foundation
import IsterDecoder
@testable import IsterEvaluation
import IsterGenerator
import IsterTokenizer
import Testing

@Suite struct PerplexityTests {
    /// Context 24: pieces of 12 and 11 tokens; 31 is odd.
    @Test(arguments: [24, 31])
    func `perplexity is that of the plain formula over the model's logits`(context: Int) throws {
        let model = try StoriesModel()
        let windows = try model.windows(of: context)
        #expect(windows.count > 2)
        var losses: [Double] = []
        let decoder = try model.decoder(contextLength: context)
        for start in stride(from: 0, to: windows.tokens.count, by: context) {
            var window = Array(windows.tokens[start..<start + context])
            window[0] = try #require(model.tokenizer.bosID)
            decoder.reset(sequence: 0)
            try decoder.forward([TokenSlice(sequence: 0, tokens: window, logits: .all)])
            for position in context / 2...context - 2 {
                losses.append(-plainLogSoftmax(decoder.copyLogits(row: position))[Int(window[position + 1])])
            }
        }
        let mean = losses.reduce(0, +) / Double(losses.count)
        let variance = losses.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(losses.count)
        let error = (variance / Double(losses.count - 1)).squareRoot()

        let estimate = try PerplexityEvaluation(model.decoder(contextLength: context), windows).run()
        #expect(estimate.count == losses.count)
        #expect(abs(estimate.perplexity.value / exp(mean) - 1) < 1e-12)
        #expect(abs(estimate.perplexity.error / (exp(mean) * error) - 1) < 1e-9)
    }

    @Test func `running values come after each window and the last one is the result`() throws {
        let model = try StoriesModel()
        let windows = try model.windows(of: 24, limit: 3)
        var running: [(Int, PerplexityEstimate)] = []
        let result = try PerplexityEvaluation(model.decoder(contextLength: 24), windows).run {
            running.append(($0, $1))
        }
        #expect(running.map(\.0) == [1, 2, 3])
        #expect(running.map(\.1.count) == [11, 22, 33])
        #expect(running.last?.1 == result)
    }

    @Test func `the vector exponential equals the library's within 4e-16`() {
        var largest = 0.0
        for step in 0..<200_000 {
            let x = -708 * Double(step) / 200_000
            let found = portableExponential(SIMD8(repeating: x))
            largest = max(largest, abs(found[3] / exp(x) - 1))
        }
        #expect(largest < 4e-16)
        #expect(portableExponential(SIMD8(repeating: 0))[0] == 1)
        #expect(portableExponential(SIMD8(repeating: -.infinity))[7] == 0)
        #expect(portableExponential(SIMD8(repeating: -708.5))[0] == 0)
    }

    @Test(arguments: [1, 7, 8, 9, 100])
    func `log-softmax of rows of any length equals the plain formula`(count: Int) {
        var logits = (0..<count).map { Float(sin(Double($0) * 12.9898) * 20) }
        logits[count / 2] = 25
        let expected = plainLogSoftmax(logits)
        let softmax = LogSoftmax(logits.span)
        #expect(softmax.top == count / 2)
        for (logit, value) in zip(logits, expected) {
            #expect(abs(softmax.logProbability(logit) - value) < 1e-12)
        }
    }

    @Test func `of equal logits the first is the most likely`() {
        #expect(LogSoftmax([Float](repeating: -3, count: 19).span).top == 0)
        #expect(LogSoftmax(([0, 5, 5] as [Float]).span).top == 1)
    }
}
