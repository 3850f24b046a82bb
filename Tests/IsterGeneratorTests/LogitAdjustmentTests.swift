import Testing

@testable import IsterGenerator

@Suite struct LogitAdjustmentTests {
    private static func adjusted(
        _ logits: [Float], _ penalties: Penalties = Penalties(), bias: [Int32: Float] = [:], prompt: [Int32] = [],
        text: [Int32] = []
    ) -> [Float] {
        var adjustments = LogitAdjustments(penalties: penalties, logitBias: bias, vocabularySize: logits.count)
        for id in prompt { adjustments.usePrompt(id) }
        for id in text { adjustments.useGenerated(id) }
        var scores = logits
        adjustments.apply(to: &scores)
        return scores
    }

    @Test func `frequency counts the text's tokens and presence takes each once; the prompt's do not count`() {
        let logits: [Float] = [1, -1, 3, 0]
        let text: [Int32] = [2, 0, 2, 2]
        #expect(Self.adjusted(logits, Penalties(frequency: 0.5), prompt: [1, 3], text: text) == [0.5, -1, 1.5, 0])
        #expect(Self.adjusted(logits, Penalties(presence: 0.5), prompt: [1, 3], text: text) == [0.5, -1, 2.5, 0])
        #expect(Self.adjusted(logits, Penalties(frequency: -1, presence: 2), text: text) == [0, -1, 4, 0])
    }

    @Test func `repetition takes tokens of prompt and text once and works on biased logits`() {
        let penalties = Penalties(repetition: 2)
        #expect(Self.adjusted([4, -4, 3, -1], penalties, prompt: [0, 0], text: [1, 1]) == [2, -8, 3, -1])
        #expect(Self.adjusted([4, -4, 3, -1], penalties, bias: [3: 5, 0: -6], prompt: [3, 0]) == [-4, -4, 3, 2])
    }

    @Test func `all steps come in the documented order`() {
        let penalties = Penalties(repetition: 2, frequency: 0.25, presence: 0.5)
        // (1 + 3) / 2 - 2 * 0.25 - 0.5, and (1 - 3) * 2 - 0.25 - 0.5.
        #expect(Self.adjusted([1, 1], penalties, bias: [0: 3, 1: -3], text: [0, 0, 1]) == [1, -4.75])
    }

    @Test func `without bias and penalties nothing is copied`() {
        #expect(LogitAdjustments(penalties: Penalties(), logitBias: [1: 0], vocabularySize: 4).isNeutral)
        #expect(Sampler(sampling: .greedy, vocabularySize: 1000).scores.isEmpty)
        for penalties in [Penalties(repetition: 1.1), Penalties(frequency: 0.1), Penalties(presence: -0.1)] {
            #expect(!LogitAdjustments(penalties: penalties, logitBias: [:], vocabularySize: 4).isNeutral)
        }
        #expect(!LogitAdjustments(penalties: Penalties(), logitBias: [1: 0.5], vocabularySize: 4).isNeutral)
    }

    @Test func `ids outside the vocabulary change nothing`() {
        let penalties = Penalties(repetition: 2, frequency: 1, presence: 1)
        let outside: [Int32] = [-1, 2, .max, .min]
        let bias = Dictionary(uniqueKeysWithValues: outside.map { ($0, Float(9)) })
        #expect(Self.adjusted([1, 2], penalties, bias: bias, prompt: outside, text: outside) == [1, 2])
    }

    @Test func `a bias of -100 bans and of 100 forces a token of ordinary logits`() {
        let logits: [Float] = [12, -20, 18, 17]
        for seed in 0..<50 {
            let sampling = Sampling.random(temperature: 1, seed: UInt64(seed), filters: SamplingFilters())
            var banned = Sampler(sampling: sampling, logitBias: [2: -100], vocabularySize: 4)
            var forced = Sampler(sampling: sampling, logitBias: [1: 100], vocabularySize: 4)
            for _ in 0..<20 {
                #expect(banned.sample(logits) != 2)
                #expect(forced.sample(logits) == 1)
            }
        }
    }

    @Test func `a text under penalties is that of an independent implementation`() throws {
        for golden in try SamplerGolden.load().adjustedWalks {
            var sampler = Sampler(
                sampling: .random(temperature: golden.temperature, seed: golden.seed, filters: SamplingFilters()),
                penalties: Penalties(frequency: golden.frequencyPenalty, presence: golden.presencePenalty),
                logitBias: SamplerGolden.logitBias(golden.bias), vocabularySize: 10)
            sampler.use(prompt: [1])
            var ids: [Int32] = []
            for _ in golden.ids {
                let last = Int(ids.last ?? 1)
                let id = sampler.sample((0..<10).map { -Float(($0 - last + 9) % 10) })
                sampler.use(id)
                ids.append(id)
            }
            #expect(ids == golden.ids)
        }
    }
}
