public import IsterDecoder

/// Logits of a reference at some positions, kept in memory, to compare one model after the other with.
public struct StoredReference {
    private let windows: TextWindows
    /// [windows.count * windows.scoredPerWindow][vocabularySize]
    private let logits: [[Float]]

    /// Runs the reference once. A position takes 4 bytes a vocabulary entry.
    public init(_ reference: Decoder, _ windows: TextWindows) throws(EvaluationError) {
        try requireFit(reference, windows)
        self.windows = windows
        var logits: [[Float]] = []
        try Self.run(reference, windows) { row, _ in logits.append(reference.copyLogits(row: row)) }
        self.logits = logits
    }

    /// Mean divergence of a candidate from the reference, in nats.
    public func meanDivergence(of candidate: Decoder) throws(EvaluationError) -> Double {
        var sum = 0.0
        var position = 0
        try Self.run(candidate, windows) { row, target in
            let expected = logits[position]
            position += 1
            sum += candidate.withLogits(row: row) { found in
                PositionDivergence(reference: expected.span, candidate: found, target: Int(target)).divergence
            }
        }
        return sum / Double(max(logits.count, 1))
    }

    private static func run(
        _ decoder: Decoder, _ windows: TextWindows, _ body: (_ row: Int, _ target: Int32) -> Void
    ) throws(EvaluationError) {
        for index in 0..<windows.count {
            decoder.reset(sequence: 0)
            for piece in WindowPieces(windows, index: index, batchRows: decoder.batchRows).pieces {
                try decoding { () throws(DecoderError) in try decoder.forward([piece.slice]) }
                for (row, target) in piece.targets.enumerated() { body(row, target) }
            }
        }
    }
}
