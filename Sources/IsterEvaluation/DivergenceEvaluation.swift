public import IsterDecoder
internal import IsterGenerator
public import IsterModelFile

/// Kullback-Leibler divergence of a candidate from a reference. Both models run in lockstep, piece by piece, so no
/// logits are stored.
public struct DivergenceEvaluation {
    private let candidate: Decoder
    private let reference: Decoder
    private let windows: TextWindows

    /// The decoders must come from files with the same token ids: see `requireSameTokens`.
    public init(candidate: Decoder, reference: Decoder, windows: TextWindows) throws(EvaluationError) {
        let sizes = (candidate.shape.vocabularySize, reference.shape.vocabularySize)
        guard sizes.0 == sizes.1 else { throw .vocabularySizesDiffer(candidate: sizes.0, reference: sizes.1) }
        try requireFit(candidate, windows)
        try requireFit(reference, windows)
        self.candidate = candidate
        self.reference = reference
        self.windows = windows
    }

    /// base: gets the reference's log-probabilities.
    /// progress: called after each window with the count of windows done; what it throws ends the run.
    public func run(
        writing base: BaseFileWriter? = nil, progress: (Int, DivergenceStatistics) throws -> Void = { _, _ in }
    ) throws -> DivergenceStatistics {
        var statistics = DivergenceStatistics()
        let rows = min(candidate.batchRows, reference.batchRows)
        for index in 0..<windows.count {
            candidate.reset(sequence: 0)
            reference.reset(sequence: 0)
            for piece in WindowPieces(windows, index: index, batchRows: rows).pieces {
                do { try reference.forward([piece.slice]) } catch { throw EvaluationError.reference(error) }
                try decoding { () throws(DecoderError) in try candidate.forward([piece.slice]) }
                for (row, target) in piece.targets.enumerated() {
                    try reference.withLogits(row: row) { expected in
                        candidate.withLogits(row: row) { found in
                            statistics.add(
                                PositionDivergence(reference: expected, candidate: found, target: Int(target)))
                        }
                        if let base { try base.append(expected, LogSoftmax(expected)) }
                    }
                }
            }
            try progress(index + 1, statistics)
        }
        try base?.finish()
        return statistics
    }

    /// Refuses two files whose token ids may mean different text.
    public static func requireSameTokens(candidate: ModelFile, reference: ModelFile) throws(EvaluationError) {
        try requireSameTokens(
            sizes: (candidate.header.shape.vocabularySize, reference.header.shape.vocabularySize),
            digests: (candidate.header.tokenizer.sha256, reference.header.tokenizer.sha256))
    }

    static func requireSameTokens(
        sizes: (candidate: Int, reference: Int), digests: (candidate: String, reference: String)
    ) throws(EvaluationError) {
        guard sizes.0 == sizes.1 else { throw .vocabularySizesDiffer(candidate: sizes.0, reference: sizes.1) }
        guard digests.0 == digests.1 else { throw .tokenizersDiffer(candidate: digests.0, reference: digests.1) }
    }
}

/// Divergence of a candidate from another engine's log-probabilities in a base file.
public struct BaseFileEvaluation {
    private let candidate: Decoder
    private let base: BaseFileReader
    private let windows: TextWindows

    /// firstToken: replaces the first token of each window, for models that want a beginning of text.
    public init(candidate: Decoder, base: BaseFileReader, firstToken: Int32?) throws(EvaluationError) {
        let size = candidate.shape.vocabularySize
        guard size == base.vocabularySize else {
            throw .vocabularySizesDiffer(candidate: size, reference: base.vocabularySize)
        }
        windows = try TextWindows(tokens: base.tokens, contextLength: base.contextLength, firstToken: firstToken)
        try requireFit(candidate, windows)
        self.candidate = candidate
        self.base = base
    }

    /// limit: most windows.
    public func run(
        limit: Int? = nil, progress: (Int, DivergenceStatistics) throws -> Void = { _, _ in }
    ) throws -> DivergenceStatistics {
        var statistics = DivergenceStatistics()
        for index in 0..<min(windows.count, limit ?? .max) {
            candidate.reset(sequence: 0)
            var row = index * windows.scoredPerWindow
            for piece in WindowPieces(windows, index: index, batchRows: candidate.batchRows).pieces {
                try decoding { () throws(DecoderError) in try candidate.forward([piece.slice]) }
                for (offset, target) in piece.targets.enumerated() {
                    let expected = try base.row(row)
                    row += 1
                    candidate.withLogits(row: offset) { found in
                        statistics.add(PositionDivergence(reference: expected, candidate: found, target: Int(target)))
                    }
                }
            }
            try progress(index + 1, statistics)
        }
        return statistics
    }
}
