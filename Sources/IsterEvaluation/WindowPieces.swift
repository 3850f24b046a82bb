public import IsterDecoder
public import IsterModelFile

/// Parts of one window that go through a decoder in one call: unscored ones first, whose logits nobody needs.
struct WindowPieces {
    /// Rows of logits of one call: 256 rows of a vocabulary of 49152 are 50 MB.
    static let rows = 256

    struct Piece {
        let slice: TokenSlice
        /// The token that follows each position; empty for an unscored piece.
        let targets: [Int32]
    }

    let pieces: [Piece]

    init(_ windows: TextWindows, index: Int, batchRows: Int) {
        let window = windows.window(index)
        var pieces: [Piece] = []
        // The last token predicts nothing that is scored.
        for range in [0..<windows.firstScored, windows.firstScored..<window.count - 1] {
            for start in stride(from: range.lowerBound, to: range.upperBound, by: batchRows) {
                let end = min(start + batchRows, range.upperBound)
                let isScored = start >= windows.firstScored
                pieces.append(
                    Piece(
                        slice: TokenSlice(
                            sequence: 0, tokens: Array(window[start..<end]), logits: isScored ? .all : .none),
                        targets: isScored ? Array(window[start + 1..<end + 1]) : []))
            }
        }
        self.pieces = pieces
    }
}

extension Decoder {
    /// A decoder for evaluation: no more memory than its windows need.
    public static func forEvaluation(
        _ file: ModelFile, contextLength: Int, sequenceCount: Int = 1, threads: Int? = nil,
        cacheFormat: CacheFormat? = nil
    ) throws(DecoderError) -> Decoder {
        var options = DecoderOptions()
        options.contextLength = contextLength
        options.sequenceCount = sequenceCount
        options.batchRows = min(WindowPieces.rows, contextLength)
        options.threads = threads
        options.cacheFormat = cacheFormat
        return try Decoder(file, options: options)
    }
}
