import IsterDecoder
import IsterModelFile

/// How large the key/value cache becomes. It is taken at the start and never grows.
struct CachePlan: Equatable {
    /// Positions of one request.
    var contextLength: Int
    var blockCount: Int
    var bytes: Int

    /// - Parameters:
    ///   - context: positions that were asked for; nil: the model's, or as many as fit.
    ///   - memory: bytes that were asked for; nil: what all contexts need, at most half of what is available.
    ///   - batchRows: most rows of one forward call.
    ///   - available: bytes that are free once the model is in memory; nil: unknown.
    init(
        shape: ModelShape, format: CacheFormat, parallel: Int, batchRows: Int, context: Int?, memory: Int?,
        available: Int?
    ) throws(Failure) {
        let blockBytes = format.blockBytes(shape)
        let positions = context ?? shape.contextLength
        let blocksPerContext = Self.blocksPerContext(shape, positions: positions, batchRows: batchRows)
        let (wanted, overflow) = blocksPerContext.multipliedReportingOverflow(by: parallel)
        var count = overflow ? Int.max : wanted
        if let memory {
            count = memory / blockBytes
        } else if let available {
            count = min(count, available / 2 / blockBytes)
        }
        count = min(count, 1 << 24)
        if let available, memory != nil, available < count * blockBytes {
            throw Failure(
                .systemRefused,
                "--cache-memory is \(ByteCount.text(count * blockBytes)); only \(ByteCount.text(available)) are free")
        }
        guard count >= 2, context == nil || count >= blocksPerContext else {
            throw Failure(
                .systemRefused,
                """
                the cache has room for \(max(count, 0) * Decoder.blockPositions) positions and \(context ?? 2) are \
                needed: \(ByteCount.text(blockBytes)) for each \(Decoder.blockPositions)
                """)
        }
        contextLength =
            count >= blocksPerContext ? positions : min(positions, (count - 1) * Decoder.blockPositions)
        blockCount = count
        bytes = count * blockBytes
    }

    /// One to grow by, and one more where blocks behind the windows are given back: the prefix cache keeps the last.
    private static func blocksPerContext(_ shape: ModelShape, positions: Int, batchRows: Int) -> Int {
        let all = Decoder.blocksInSight(window: nil, positions: positions, batchRows: batchRows)
        let seen = Decoder.blocksInSight(window: shape.widestWindow, positions: positions, batchRows: batchRows)
        return min(all, seen + 1) + 1
    }
}
