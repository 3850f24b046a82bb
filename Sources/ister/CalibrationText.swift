import IsterModelFile
import IsterQuantizer
import IsterTokenizer

/// The tokens of a calibration text in chunks of equal length.
struct CalibrationText {
    static let chunkTokens = 512

    let digest: String
    /// [chunks][chunkTokens]
    let chunks: [[Int32]]

    /// Cuts the text as `eval` does: one chunk after the other, the first token of each replaced by the beginning of a
    /// text where the vocabulary wants one. With more text than `limit` chunks are taken from all of it, evenly.
    init(path: String, checkpoint: String, limit: Int) throws(Failure) {
        let bytes = try InputFile.read(path)
        if bytes.allSatisfy({ $0 <= 32 }) { throw Self.failure(.emptyText(path: path)) }
        let tokenizer = try TokenizerSource.open(checkpoint)
        let tokens = tokenizer.encode(bytes, addSpecial: true, parseSpecial: false)
        let all = tokens.count / Self.chunkTokens
        if all == 0 {
            throw Self.failure(.textTooShort(path: path, tokens: tokens.count, needed: Self.chunkTokens))
        }
        let count = min(all, limit / Self.chunkTokens)
        let first = tokenizer.vocabulary.addsBOS ? tokenizer.bosID : nil
        digest = ister.digest(bytes)
        chunks = (0..<count).map { index in
            let start = index * all / count * Self.chunkTokens
            var chunk = Array(tokens[start..<start + Self.chunkTokens])
            if let first { chunk[0] = first }
            return chunk
        }
    }

    private static func failure(_ error: CalibrationError) -> Failure { Failure(.badData, error.description) }
}
