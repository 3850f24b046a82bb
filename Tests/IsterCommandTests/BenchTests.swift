import IsterModelFile
import IsterDecoder
import Testing

@testable import ister

@Suite struct BenchGridTests {
    private func sweep(_ context: Int) -> [BenchTest] {
        BenchGrid.sweep(prompts: [512], generations: [32], contextLength: context)
    }

    @Test func `tests come in llama-bench's order and a count of 0 is no test`() {
        let tests = BenchGrid.tests(prompts: [512, 0], generations: [128], depths: [0, 64], sequences: [1, 4])
        #expect(
            tests.map(\.name) == [
                "pp512", "tg128", "pp512", "tg128", "pp512 @ d64", "tg128 @ d64", "pp512 @ d64", "tg128 @ d64",
            ])
        #expect(tests.map(\.sequences) == [1, 1, 4, 4, 1, 1, 4, 4])
        #expect(BenchGrid.tests(prompts: [0], generations: [0], depths: [0], sequences: [1]).isEmpty)
    }

    @Test func `a sweep measures prompts with one sequence and fills 8192 positions at most`() {
        let tests = sweep(16384)
        #expect(tests.filter { $0.promptCount > 0 }.map(\.depth) == [0, 512, 2048, 4096])
        #expect(tests.allSatisfy { $0.promptCount == 0 || $0.sequences == 1 })
        let generations = tests.filter { $0.generationCount > 0 }
        #expect(generations.filter { $0.depth == 0 }.map(\.sequences) == [1, 2, 4, 8, 16])
        #expect(generations.filter { $0.depth == 512 }.map(\.sequences) == [1, 2, 4, 8, 16])
        #expect(generations.filter { $0.depth == 2048 }.map(\.sequences) == [1, 2, 4])
        #expect(generations.filter { $0.depth == 4096 }.map(\.sequences) == [1, 2])
    }

    @Test func `a sweep leaves out what the context does not hold`() {
        #expect(sweep(2048 + 32).filter { $0.promptCount > 0 }.map(\.depth) == [0, 512])
        #expect(sweep(2048 + 32).filter { $0.generationCount > 0 }.map(\.depth).max() == 2048)
        #expect(sweep(2048 + 31).map(\.depth).max() == 512)
        // Depth 0 stays, so that a context too short for the test itself is refused by name.
        #expect(sweep(100).map(\.depth).max() == 0)
    }
}

@Suite struct BenchResultTests {
    private static let load = ModelLoad(streamedBytes: 1000, layerProducts: 50, headProducts: 100)

    private func result(_ phase: BenchTest.Phase, sequences: Int, seconds: [Double], _ load: ModelLoad = load)
        -> BenchResult
    {
        let test = BenchTest(phase: phase, depth: 0, sequences: sequences)
        let isPrompt = test.promptCount > 0
        let peak = isPrompt || sequences > 1 ? 1000.0 : nil
        return BenchResult(
            test: test, threads: 1, isa: "scalar", batchRows: 1, cacheFormat: .f16,
            samples: seconds.map {
                BenchSample(seconds: $0, bandwidth: isPrompt ? nil : 4000, integerPeak: peak)
            }, load: load, cacheBytes: 0, hugePageFraction: 1)
    }

    @Test func `a step of all sequences reads the weights once`() throws {
        // 10 steps in 5 s are 2000 bytes a second, half of 4000, however many sequences share them.
        for sequences in [1, 4] {
            let fraction = result(.generation(10), sequences: sequences, seconds: [5, 5]).fractionOfBandwidth
            #expect(abs(try #require(fraction) - 0.5) < 1e-12)
        }
    }

    @Test func `a repetition is compared with the bandwidth around it`() throws {
        // 2000 bytes a second of 4000, then 1000 of 2000.
        let samples = [BenchSample(seconds: 5, bandwidth: 4000), BenchSample(seconds: 10, bandwidth: 2000)]
        let result = BenchResult(
            test: BenchTest(phase: .generation(10), depth: 0, sequences: 1), threads: 1, isa: "scalar", batchRows: 1,
            cacheFormat: .f16, samples: samples, load: Self.load, cacheBytes: 0, hugePageFraction: 1)
        #expect(abs(try #require(result.fractionOfBandwidth) - 0.5) < 1e-12)
    }

    @Test func `keys and values are read like weights`() throws {
        let result = BenchResult(
            test: BenchTest(phase: .generation(10), depth: 9, sequences: 1), threads: 1, isa: "scalar", batchRows: 1,
            cacheFormat: .f16, samples: [BenchSample(seconds: 1, bandwidth: 20_000)], load: Self.load,
            cacheBytes: 5000, hugePageFraction: 1)
        #expect(abs(try #require(result.fractionOfBandwidth) - 0.75) < 1e-12)
        #expect(result.integerPeaks.isEmpty && result.bandwidths == [20_000])
    }

    @Test func `what the last-level caches hold is not compared with memory`() {
        var result = result(.generation(10), sequences: 1, seconds: [5, 5])
        result.lastLevelCacheBytes = 1000
        #expect(result.fractionOfBandwidth == nil)
        result.lastLevelCacheBytes = 999
        #expect(result.fractionOfBandwidth != nil)
    }

    @Test func `a prompt multiplies all tokens by the layers and its last one by the head`() throws {
        // (8 x 50 + 100) products in 2 s are 250 a second, a quarter of 1000; two sequences do twice as much.
        let one = result(.prompt(8), sequences: 1, seconds: [2]).fractionOfIntegerPeak
        #expect(abs(try #require(one) - 0.25) < 1e-12)
        let two = result(.prompt(8), sequences: 2, seconds: [2]).fractionOfIntegerPeak
        #expect(abs(try #require(two) - 0.5) < 1e-12)
    }

    @Test func `sequences that generate together are compared with both limits`() throws {
        // 10 steps of 4 tokens are 40 x (50 + 100) products in 12 s: 500 a second, half of 1000.
        let together = result(.generation(10), sequences: 4, seconds: [12])
        #expect(abs(try #require(together.fractionOfIntegerPeak) - 0.5) < 1e-12)
        #expect(together.fractionOfBandwidth != nil)
    }

    @Test func `each yardstick measures only its own phase, and floats are no integers`() {
        #expect(result(.prompt(8), sequences: 1, seconds: [1]).fractionOfBandwidth == nil)
        #expect(result(.generation(8), sequences: 1, seconds: [1]).fractionOfIntegerPeak == nil)
        var floats = Self.load
        floats.isInteger = false
        #expect(result(.prompt(8), sequences: 1, seconds: [1], floats).fractionOfIntegerPeak == nil)
    }

    @Test func `threads that did not run are told`() throws {
        func result(_ counts: [Int]) -> BenchResult {
            BenchResult(
                test: BenchTest(phase: .prompt(8), depth: 0, sequences: 1), threads: 4, isa: "scalar", batchRows: 1,
                cacheFormat: .f16, samples: counts.map { BenchSample(seconds: 1, integerPeak: 1, threads: $0) },
                load: Self.load, cacheBytes: 0, hugePageFraction: 1)
        }
        #expect(result([4, 4]).missingThreads == nil)
        #expect(try #require(result([4, 3, 4]).missingThreads).contains("only 3 of 4 threads"))
    }

    @Test func `memory is asked for what the largest call touches`() {
        func rows(_ phase: BenchTest.Phase, depth: Int = 0, sequences: Int = 1) -> [Int] {
            let rows = BenchTest(phase: phase, depth: depth, sequences: sequences).calledRows(chunk: 512)
            return [rows.all, rows.logits]
        }
        #expect(rows(.prompt(100)) == [100, 1])
        #expect(rows(.prompt(100), depth: 4096) == [512, 1])
        #expect(rows(.generation(100)) == [1, 1])
        #expect(rows(.generation(100), sequences: 8) == [8, 8])
        #expect(rows(.generation(100), depth: 4096, sequences: 8) == [512, 8])
        #expect(rows(.generation(100), depth: 4, sequences: 8) == [8, 8])
    }

    @Test func `the deviation is the sample's`() {
        #expect(BenchResult.deviation([1, 3]) == 2.0.squareRoot())
        #expect(BenchResult.deviation([5]) == 0)
        #expect(BenchResult.mean([1, 2, 6]) == 3)
    }
}
