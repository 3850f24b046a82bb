import IsterDecoder

/// One repetition.
struct BenchSample {
    let seconds: Double
    /// The yardstick, the mean of just before and just after: of generation the bytes per second of a streaming read, of
    /// prompts the multiply-adds per second of the int8 dot product in registers.
    let yardstick: Double
}

/// What one test measured.
struct BenchResult {
    let test: BenchTest
    let threads: Int
    let isa: String
    let batchRows: Int
    let cacheFormat: CacheFormat
    let samples: [BenchSample]
    let load: ModelLoad
    /// Bytes of keys and values that one repetition of generation reads.
    let cacheBytes: Int
    /// The part of the weights that lies in pages of 2 MiB.
    let hugePageFraction: Double

    /// Tokens of all sequences in one repetition.
    private var tokenCount: Int { (test.promptCount + test.generationCount) * test.sequences }

    var seconds: [Double] { samples.map(\.seconds) }
    /// Tokens per second, one a repetition.
    var speeds: [Double] { seconds.map { Double(tokenCount) / $0 } }
    /// Bytes per second around each repetition; empty for prompts.
    var bandwidths: [Double] { test.generationCount > 0 ? samples.map(\.yardstick) : [] }
    /// Multiply-adds per second around each repetition; empty for generation.
    var integerPeaks: [Double] { test.promptCount > 0 ? samples.map(\.yardstick) : [] }
    var mean: Double { Self.mean(speeds) }
    var deviation: Double { Self.deviation(speeds) }
    var meanSeconds: Double { Self.mean(seconds) }
    var secondsDeviation: Double { Self.deviation(seconds) }
    var speed: String { "\(decimals(mean, 2)) ± \(decimals(deviation, 2))" }

    /// Bytes of weights, keys and values read per second while decoding, by the bandwidth around the same repetition; the
    /// mean. nil for prompts, whose limit is arithmetic.
    var fractionOfBandwidth: Double? {
        guard test.generationCount > 0 else { return nil }
        return fraction(Double(load.streamedBytes * test.generationCount + cacheBytes))
    }

    /// Multiply-adds per second of a prompt's matrices, by the rate of the int8 dot product around the same repetition; the
    /// mean. nil for generation and for matrices of floats. Attention is not counted.
    var fractionOfIntegerPeak: Double? {
        guard test.promptCount > 0, load.isInteger else { return nil }
        return fraction(load.promptProducts(tokens: test.promptCount) * Double(test.sequences))
    }

    private func fraction(_ work: Double) -> Double? {
        guard samples.allSatisfy({ $0.yardstick > 0 }) else { return nil }
        return Self.mean(samples.map { work / $0.seconds / $0.yardstick })
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
