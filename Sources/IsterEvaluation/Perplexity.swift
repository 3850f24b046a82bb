internal import Glibc
public import IsterDecoder
internal import IsterGenerator
internal import IsterModelFile

/// Negative log-likelihoods of scored tokens, summed up.
public struct PerplexityEstimate: Equatable, Sendable {
    public private(set) var count = 0
    public private(set) var sum = 0.0
    public private(set) var sumOfSquares = 0.0

    public init() {}

    /// value: -ln of the probability that the model gave the token.
    public mutating func add(_ value: Double) {
        count += 1
        sum += value
        sumOfSquares += value * value
    }

    /// Mean negative log-likelihood of a token, in nats.
    public var mean: MeasuredValue { MeasuredValue(sum: sum, sumOfSquares: sumOfSquares, count: count) }

    /// e^mean; its error is the mean's, carried over.
    public var perplexity: MeasuredValue { mean.exponential }
}

/// A mean and its standard error.
public struct MeasuredValue: Equatable, Sendable {
    public var value: Double
    public var error: Double

    public init(value: Double, error: Double) {
        self.value = value
        self.error = error
    }

    /// The error is the deviation of the values by the square root of their count - 1.
    init(sum: Double, sumOfSquares: Double, count: Int) {
        guard count > 0 else {
            self.init(value: 0, error: 0)
            return
        }
        let mean = sum / Double(count)
        let variance = max(sumOfSquares / Double(count) - mean * mean, 0)
        self.init(value: mean, error: count > 1 ? (variance / Double(count - 1)).squareRoot() : 0)
    }

    var exponential: MeasuredValue {
        let power = exp(value)
        return MeasuredValue(value: power, error: power * error)
    }
}

/// Perplexity of one model on a text.
public struct PerplexityEvaluation {
    private let decoder: Decoder
    private let windows: TextWindows

    public init(_ decoder: Decoder, _ windows: TextWindows) throws(EvaluationError) {
        try requireFit(decoder, windows)
        self.decoder = decoder
        self.windows = windows
    }

    /// base: gets the log-probabilities of all scored positions.
    /// progress: called after each window with the count of windows done; what it throws ends the run.
    public func run(
        writing base: BaseFileWriter? = nil, progress: (Int, PerplexityEstimate) throws -> Void = { _, _ in }
    ) throws -> PerplexityEstimate {
        var estimate = PerplexityEstimate()
        for index in 0..<windows.count {
            decoder.reset(sequence: 0)
            for piece in WindowPieces(windows, index: index, batchRows: decoder.batchRows).pieces {
                try decoding { () throws(DecoderError) in try decoder.forward([piece.slice]) }
                for (row, target) in piece.targets.enumerated() {
                    try decoder.withLogits(row: row) { logits in
                        let softmax = LogSoftmax(logits)
                        estimate.add(-softmax.logProbability(logits[Int(target)]))
                        try base?.append(logits, softmax)
                    }
                }
            }
            try progress(index + 1, estimate)
        }
        try base?.finish()
        return estimate
    }
}

func requireFit(_ decoder: Decoder, _ windows: TextWindows) throws(EvaluationError) {
    guard windows.contextLength <= decoder.contextLength else {
        throw .decoder(.contextFull(needed: windows.contextLength, contextLength: decoder.contextLength))
    }
    try windows.requireTokens(below: decoder.shape.vocabularySize)
    if let first = windows.firstToken, first < 0 || Int(first) >= decoder.shape.vocabularySize {
        throw .tokenOutOfRange(found: first, index: 0, vocabularySize: decoder.shape.vocabularySize)
    }
}

func decoding<Value>(_ body: () throws(DecoderError) -> Value) throws(EvaluationError) -> Value {
    do throws(DecoderError) { return try body() } catch { throw .decoder(error) }
}
