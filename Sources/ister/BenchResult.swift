/// What one test measured.
struct BenchResult {
    let test: BenchTest
    let threads: Int
    let isa: String
    let batchRows: Int
    /// One a repetition.
    let seconds: [Double]
    /// Weight bytes of one forward call.
    let streamedBytes: Int
    let bandwidth: Double

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
        guard test.generationCount > 0, bandwidth > 0 else { return nil }
        let stepsPerSecond = mean / Double(test.sequences)
        return Double(streamedBytes) * stepsPerSecond / bandwidth
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
