import IsterDecoder

/// One repetition.
struct BenchSample {
    let seconds: Double
    /// Bytes per second of a streaming read: the mean of just before and just after.
    let bandwidth: Double
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
    /// Multiply-adds per second of the int8 dot product in registers.
    let integerPeak: Double
    /// The part of the weights that lies in pages of 2 MiB.
    let hugePageFraction: Double

    /// Tokens of all sequences in one repetition.
    private var tokenCount: Int { (test.promptCount + test.generationCount) * test.sequences }

    var seconds: [Double] { samples.map(\.seconds) }
    /// Tokens per second, one a repetition.
    var speeds: [Double] { seconds.map { Double(tokenCount) / $0 } }
    var bandwidths: [Double] { samples.map(\.bandwidth) }
    var mean: Double { Self.mean(speeds) }
    var deviation: Double { Self.deviation(speeds) }
    var meanSeconds: Double { Self.mean(seconds) }
    var secondsDeviation: Double { Self.deviation(seconds) }
    var speed: String { "\(decimals(mean, 2)) ± \(decimals(deviation, 2))" }

    /// Weight bytes read per second while decoding, by the bandwidth around the same repetition; the mean. nil for
    /// prompts, whose limit is arithmetic. The KV cache's bytes are not counted.
    var fractionOfBandwidth: Double? {
        guard test.generationCount > 0, bandwidths.allSatisfy({ $0 > 0 }) else { return nil }
        let bytes = Double(load.streamedBytes * test.generationCount)
        return Self.mean(samples.map { bytes / $0.seconds / $0.bandwidth })
    }

    /// Multiply-adds per second of a prompt's matrices, by the rate of the int8 dot product; nil for generation and for
    /// matrices of floats. Attention is not counted.
    var fractionOfIntegerPeak: Double? {
        guard test.promptCount > 0, load.isInteger, integerPeak > 0 else { return nil }
        let products = load.promptProducts(tokens: test.promptCount) * Double(test.sequences)
        return Self.mean(seconds.map { products / $0 }) / integerPeak
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
