import IsterEvaluation
import IsterModelFile
import IsterQuantizer
import IsterTokenizer

/// The tokens of a calibration text in chunks of equal length.
struct CalibrationText {
    static let chunkTokens = 512

    /// nil where a model's context holds a chunk.
    static func warning(_ shape: ModelShape) -> String? {
        if shape.contextLength >= chunkTokens { return nil }
        return
            "calibrated or compared on windows of \(chunkTokens) tokens, the model's context is \(shape.contextLength)"
    }

    let digest: String
    /// [chunks][chunkTokens]
    let chunks: [[Int32]]
    /// Windows at the text's end that are not among the chunks; nil when none were to be held out, or when the text is
    /// too short to spare any.
    let heldOut: HeldOut?

    /// What a calibration is not given of its text, so that the text can tell how well the calibration went.
    struct HeldOut {
        /// Chunks of the text before the first window.
        let firstWindow: Int
        let windows: TextWindows
    }

    /// Cuts the text as `eval` does: one chunk after the other, the first token of each replaced by the beginning of a
    /// text where the vocabulary wants one. With more text than `limit` chunks are taken from all of it, evenly.
    /// heldOut: most chunks at the end that are left out.
    init(path: String, checkpoint: String, limit: Int, heldOut: Int = 0) throws(Failure) {
        let bytes = try InputFile.readText(path)
        if bytes.allSatisfy({ $0 <= 32 }) { throw Self.failure(.emptyText(path: path)) }
        let tokenizer = try TokenizerSource.open(checkpoint)
        let tokens = tokenizer.encode(bytes, addSpecial: true, parseSpecial: false)
        let all = tokens.count / Self.chunkTokens
        if all == 0 {
            throw Self.failure(.textTooShort(path: path, tokens: tokens.count, needed: Self.chunkTokens))
        }
        let parts = Self.parts(of: all, limit: limit / Self.chunkTokens, heldOut: heldOut)
        let first = tokenizer.vocabulary.addsBOS ? tokenizer.bosID : nil
        digest = ister.digest(bytes)
        chunks = parts.chunks.map { index in
            var chunk = Array(tokens[index * Self.chunkTokens..<(index + 1) * Self.chunkTokens])
            if let first { chunk[0] = first }
            return chunk
        }
        let end = Array(tokens[parts.heldOut.lowerBound * Self.chunkTokens..<all * Self.chunkTokens])
        if parts.heldOut.isEmpty {
            self.heldOut = nil
        } else {
            let windows = try evaluating(path) {
                try TextWindows(tokens: end, contextLength: Self.chunkTokens, firstToken: first)
            }
            self.heldOut = HeldOut(firstWindow: parts.heldOut.lowerBound, windows: windows)
        }
    }

    /// Which of `count` chunks are used, at most `limit`, and which at the end are held out, at most `heldOut` and at
    /// most an eighth. A text of fewer than 4 chunks keeps none back.
    static func parts(of count: Int, limit: Int, heldOut: Int) -> (chunks: [Int], heldOut: Range<Int>) {
        let held = count < 4 ? 0 : min(heldOut, max(1, count / 8))
        let given = count - held
        let used = min(given, limit)
        return ((0..<used).map { $0 * given / used }, given..<count)
    }

    private static func failure(_ error: CalibrationError) -> Failure { Failure(.badData, error.description) }
}
