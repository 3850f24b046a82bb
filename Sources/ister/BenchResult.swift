import IsterDecoder

/// One repetition.
struct BenchSample {
    let seconds: Double
    /// Bytes per second of a streaming read, the mean of just before and just after; nil for prompts.
    var bandwidth: Double?
    /// Multiply-adds per second of the int8 dot product in registers, likewise; nil for generation of one sequence.
    var integerPeak: Double?
    /// Fewest threads of one of its calls: less than asked for while waiting for all of them was slower.
    var threads = 1
}

/// What one test measured.
struct BenchResult {
    let test: BenchTest
    /// As asked for.
    let threads: Int
    let isa: String
    let batchRows: Int
    let cacheFormat: CacheFormat
    let samples: [BenchSample]
    let load: ModelLoad
    /// Bytes of keys and values that one repetition of generation reads.
    let cacheBytes: Int
    /// Bytes of the machine's last-level caches.
    var lastLevelCacheBytes = 0
    /// The part of the weights that lies in pages of 2 MiB.
    let hugePageFraction: Double

    /// Tokens of all sequences in one repetition.
    private var tokenCount: Int { (test.promptCount + test.generationCount) * test.sequences }

    var seconds: [Double] { samples.map(\.seconds) }
    /// Tokens per second, one a repetition.
    var speeds: [Double] { seconds.map { Double(tokenCount) / $0 } }
    /// Bytes per second around each repetition; empty for prompts.
    var bandwidths: [Double] { samples.compactMap(\.bandwidth) }
    /// Multiply-adds per second around each repetition; empty for generation of one sequence.
    var integerPeaks: [Double] { samples.compactMap(\.integerPeak) }
    var mean: Double { Self.mean(speeds) }
    var deviation: Double { Self.deviation(speeds) }
    var meanSeconds: Double { Self.mean(seconds) }
    var secondsDeviation: Double { Self.deviation(seconds) }
    var speed: String { "\(decimals(mean, 2)) ± \(decimals(deviation, 2))" }

    /// A sentence where not all threads took part in all calls.
    var missingThreads: String? {
        let least = samples.map(\.threads).min() ?? threads
        guard least < threads else { return nil }
        return """
            at times only \(least) of \(threads) threads ran, since waiting for all of them was slower: another process, a \
            quota, or more threads than processors
            """
    }

    /// Bytes of weights, keys and values read per second while decoding, by the bandwidth around the same repetition;
    /// the mean. nil for prompts, whose limit is arithmetic, and for what the last-level caches hold, whose limit is
    /// not memory.
    var fractionOfBandwidth: Double? {
        guard test.generationCount > 0 else { return nil }
        let bytes = Double(load.streamedBytes * test.generationCount + cacheBytes)
        guard bytes > Double(lastLevelCacheBytes * test.generationCount) else { return nil }
        return fraction(bytes, of: bandwidths)
    }

    /// Multiply-adds per second of the matrices, by the rate of the int8 dot product around the same repetition; the
    /// mean. nil for generation of one sequence, which is far from it, and for matrices of floats. Attention is not
    /// counted.
    var fractionOfIntegerPeak: Double? {
        guard load.isInteger else { return nil }
        let products =
            test.promptCount > 0
            ? load.promptProducts(tokens: test.promptCount) : load.generationProducts(tokens: test.generationCount)
        return fraction(products * Double(test.sequences), of: integerPeaks)
    }

    private func fraction(_ work: Double, of yardsticks: [Double]) -> Double? {
        guard yardsticks.count == samples.count, yardsticks.allSatisfy({ $0 > 0 }) else { return nil }
        return Self.mean(zip(samples, yardsticks).map { work / $0.seconds / $1 })
    }

    static func mean(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }

    /// Of the sample: divided by one less than the values.
    static func deviation(_ values: [Double]) -> Double {
        guard values.count > 1 else { return 0 }
        let mean = mean(values)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(values.count - 1)).squareRoot()
    }
}
