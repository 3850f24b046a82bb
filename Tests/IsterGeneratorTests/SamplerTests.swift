import Foundation
import Testing

@testable import IsterGenerator

@Suite struct SamplerTests {
    private func sampler(_ golden: SamplerGolden.Case, vocabularySize: Int) -> Sampler {
        let filters = SamplingFilters(topK: golden.topK, topP: golden.topP, minP: golden.minP)
        var sampler = Sampler(
            sampling: .random(temperature: golden.temperature, seed: golden.seed, filters: filters),
            penalties: golden.penalties, logitBias: SamplerGolden.logitBias(golden.bias ?? []),
            vocabularySize: vocabularySize)
        sampler.use(prompt: golden.used)
        for id in golden.generated ?? [] { sampler.use(id) }
        return sampler
    }

    @Test func `filters keep the tokens that an independent implementation keeps`() throws {
        let golden = try SamplerGolden.load()
        #expect(golden.cases.count == 29)
        for (number, one) in golden.cases.enumerated() where one.isFiltered {
            var sampler = sampler(one, vocabularySize: golden.logits.count)
            _ = sampler.sample(golden.logits.span)
            let total = sampler.keptWeights.reduce(0, +)
            let kept = zip(sampler.kept, sampler.keptWeights).sorted { $0.0.id < $1.0.id }
            #expect(kept.map(\.0.id) == one.kept, "case \(number)")
            for (found, wanted) in zip(kept, one.probabilities) {
                // Scores carry one float32 rounding of the penalty in both; the rest is Double.
                #expect(abs(found.1 / total - wanted) < 1e-13, "case \(number), token \(found.0.id)")
            }
        }
    }

    @Test func `a seed gives the draws of an independent implementation`() throws {
        let golden = try SamplerGolden.load()
        for (number, one) in golden.cases.enumerated() {
            var sampler = sampler(one, vocabularySize: golden.logits.count)
            let draws = one.draws.indices.map { _ in sampler.sample(golden.logits.span) }
            #expect(draws == one.draws, "case \(number)")
        }
    }

    @Test func `random bits are SplitMix64's`() throws {
        for golden in try SamplerGolden.load().bits {
            var random = RandomSequence(seed: golden.seed)
            #expect(golden.bits.map { _ in String(random.nextBits()) } == golden.bits)
        }
    }

    @Test func `greedy takes the lowest id of equal logits`() {
        var sampler = Sampler(sampling: .greedy, vocabularySize: 5)
        #expect(sampler.sample([-3, 2, 7, 7, 1] as [Float]) == 2)
        #expect(sampler.sample([-3, -2, -7, -7, -2] as [Float]) == 1)
        #expect(sampler.sample([4] as [Float]) == 0)
    }

    @Test func `the repetition penalty changes a greedy choice`() {
        var sampler = Sampler(sampling: .greedy, penalties: Penalties(repetition: 2), vocabularySize: 3)
        #expect(sampler.sample([1, 7, 4] as [Float]) == 1)
        sampler.use(1)
        sampler.use(1)
        sampler.use(99)
        #expect(sampler.sample([1, 7, 4] as [Float]) == 2)
        sampler.use(2)
        #expect(sampler.sample([-1, -1.5, -1.4] as [Float]) == 0)
    }

    @Test func `temperature 0 is greedy and a tiny one does not overflow`() {
        for temperature in [0, 1e-300, 1e-30, 1e-3] {
            var sampler = Sampler(
                sampling: .random(temperature: temperature, seed: 3, filters: SamplingFilters(topP: 0.9)),
                vocabularySize: 4)
            for _ in 0..<20 { #expect(sampler.sample([1, 88, 87, -88] as [Float]) == 1) }
        }
    }

    /// Chi-square over 8 tokens, 7 degrees of freedom: 24.3 is exceeded by chance once in a thousand seeds.
    @Test(arguments: [UInt64(1), 2, 3, 4, 5])
    func `draws follow the softmax`(seed: UInt64) {
        let logits: [Float] = [0, 1, 2, 0.5, -1, 1.5, -0.5, 0.25]
        let temperature = 0.8
        var sampler = Sampler(
            sampling: .random(temperature: temperature, seed: seed, filters: SamplingFilters()),
            vocabularySize: logits.count)
        let count = 20_000
        var observed = Array(repeating: 0.0, count: logits.count)
        for _ in 0..<count { observed[Int(sampler.sample(logits.span))] += 1 }
        let weights = logits.map { exp(Double($0) / temperature) }
        let total = weights.reduce(0, +)
        var chiSquare = 0.0
        for (found, weight) in zip(observed, weights) {
            let expected = Double(count) * weight / total
            chiSquare += (found - expected) * (found - expected) / expected
        }
        #expect(chiSquare < 24.3)
        #expect(chiSquare > 0.6, "too even for independent draws")
    }

    /// With a response format often fewer tokens may be drawn than top-k asks for.
    @Test(arguments: [
        SamplingFilters(topK: 4), SamplingFilters(topK: 4, topP: 0.8), SamplingFilters(topK: 4, minP: 0.2),
    ])
    func `top-k does not order what may not be drawn`(filters: SamplingFilters) {
        var logits = Array(repeating: -Float.infinity, count: 1000)
        (logits[7], logits[500], logits[999]) = (2, 3, 1)
        let sampling = Sampling.random(temperature: 1, seed: 8, filters: filters)
        var sampler = Sampler(sampling: sampling, vocabularySize: 1000)
        // All others weigh nothing here.
        let few: [Float] = [2, 3, 1, -9000, -9000]
        var among = Sampler(sampling: sampling, vocabularySize: few.count)
        for _ in 0..<50 {
            let id = sampler.sample(logits)
            #expect(sampler.kept.count <= 3)
            #expect(id == [7, 500, 999][Int(among.sample(few))])
        }
    }

    static let filters: [SamplingFilters?] = [
        nil, SamplingFilters(), SamplingFilters(topK: 2), SamplingFilters(topP: 0.5), SamplingFilters(minP: 0.1),
        SamplingFilters(topK: 3, topP: 0.9, minP: 0.1), SamplingFilters(topP: 0), SamplingFilters(minP: 1),
    ]

    /// What is expected: tokens of which one is drawn.
    static let odd: [(logits: [Float], expected: Set<Int32>)] = [
        ([.nan, .nan, .nan], [0]), ([-.infinity, -.infinity], [0]), ([.nan, -.infinity], [0]),
        ([1, .infinity, 2], [1]), ([.nan, .infinity, .infinity, -.infinity], [1]),
        ([.nan, 1, .nan, 1, .nan, -.infinity, .nan, .nan, .nan, 1], [1, 3, 9]),
        ([-.greatestFiniteMagnitude, .greatestFiniteMagnitude, .nan], [1]),
    ]

    @Test(arguments: filters, odd) func `logits that are not finite give a token, and never NaN's beside others`(
        filters: SamplingFilters?, odd: (logits: [Float], expected: Set<Int32>)
    ) {
        let sampling = filters.map { Sampling.random(temperature: 0.7, seed: 5, filters: $0) } ?? .greedy
        var sampler = Sampler(sampling: sampling, vocabularySize: odd.logits.count)
        for _ in 0..<20 { #expect(odd.expected.contains(sampler.sample(odd.logits))) }
    }

    @Test(arguments: filters) func `where no allowed token has a finite logit, one of them is taken`(
        filters: SamplingFilters?
    ) {
        let sampling = filters.map { Sampling.random(temperature: 0.7, seed: 5, filters: $0) } ?? .greedy
        var sampler = Sampler(sampling: sampling, vocabularySize: 4, isMasked: true)
        var mask = TokenMask(vocabularySize: 4)
        mask.insert(2)
        let logits: [Float] = [1, 2, .nan, 3]
        #expect(sampler.sample(logits.span, allowed: mask) == 2)
    }

    @Test func `the exponential is within two units of the last place of libm's`() {
        var random = RandomSequence(seed: 11)
        for _ in 0..<20_000 {
            let x = -708 * random.nextUnit()
            let wanted = exp(x)
            #expect(abs(portableExponential(x) - wanted) <= 2 * wanted.ulp, "\(x)")
        }
        #expect(portableExponential(0) == 1)
        #expect(portableExponential(-0.0) == 1)
        #expect(portableExponential(-709) == 0)
        #expect(portableExponential(-.infinity) == 0)
        #expect(portableExponential(.nan) == 0)
    }

    @Test func `eight weights at once have the bits of one`() {
        var random = RandomSequence(seed: 12)
        for temperature in [1e-300, 0.01, 0.7, 1, 3] {
            let rate = SoftmaxRate(largest: 20, temperature: temperature)
            var logits = (0..<4000).map { _ in Float(20 - 60 * random.nextUnit()) }
            // The ends: the largest itself, and where weights become 0.
            logits += [20, 20.0.nextDown, -.infinity, -688, -687.99994, -688.00006].map { Float($0) }
            for start in stride(from: 0, to: logits.count, by: 8) {
                let found = rate.weights(logits.span.lanes(at: start))
                for lane in 0..<min(8, logits.count - start) {
                    #expect(found[lane].bitPattern == rate.weight(logits[start + lane]).bitPattern)
                }
            }
        }
    }

    @Test func `the exponential's bits are fixed`() {
        // From this implementation; a change means that seeds give other texts than in earlier versions.
        #expect(portableExponential(-1).bitPattern == 0x3FD7_8B56_362C_EF38)
        #expect(portableExponential(-0.1).bitPattern == 0x3FEC_F46D_99D5_2B3A)
        #expect(portableExponential(-123.456).bitPattern == 0x34CD_A9FB_9E4E_E720)
    }
}

extension Sampler {
    mutating func sample(_ logits: [Float]) -> Int32 {
        sample(logits.span)
    }
}
