import IsterDecoder

/// What one test measured.
struct BenchResult {
    let test: BenchTest
    let threads: Int
    let isa: String
    let batchRows: Int
    let cacheFormat: CacheFormat
    /// One a repetition.
    let seconds: [Double]
    let load: ModelLoad
    let yardsticks: Yardsticks

    /// Tokens of all sequences in one repetition.
    private var tokenCount: Int { (test.promptCount + test.generationCount) * test.sequences }

    /// Tokens per second, one a repetition.
    var samples: [Double] { seconds.map { Double(tokenCount) / $0 } }
    var mean: Double { Self.mean(samples) }
    var deviation: Double { Self.deviation(samples) }
    var meanSeconds: Double { Self.mean(seconds) }
    var secondsDeviation: Double { Self.deviation(seconds) }
    var speed: String { "\(decimals(mean, 2)) ± \(decimals(deviation, 2))" }

    /// Weight bytes read per second while decoding, by the bandwidth of a streaming read; nil for prompts, whose limit
    /// is arithmetic. The KV cache's bytes are not counted.
    var fractionOfBandwidth: Double? {
        guard test.generationCount > 0, yardsticks.bandwidth > 0 else { return nil }
        let stepsPerSecond = mean / Double(test.sequences)
        return Double(load.streamedBytes) * stepsPerSecond / yardsticks.bandwidth
    }

    /// Multiply-adds per second of a prompt's matrices, by the rate of the int8 dot product; nil for generation and for
    /// matrices of floats. Attention is not counted.
    var fractionOfIntegerPeak: Double? {
        guard test.promptCount > 0, load.isInteger, yardsticks.integerPeak > 0 else { return nil }
        let products = load.promptProducts(tokens: test.promptCount) * Double(test.sequences)
        return Self.mean(seconds.map { products / $0 }) / yardsticks.integerPeak
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
