internal import CIsterKernels

/// How the attention of a call is cut into items: by tiles of tokens and heads, or, where these are few beside the
/// workers, by segments of positions as well, whose partial results are joined in a second distribution. Both give the
/// same bits.
struct AttentionSplit: Equatable {
    /// Segments of the longest sequence; 1 where nothing is split.
    var segments = 1

    /// Turns of a worker, a segment each, that splitting must save: two waits come to it.
    private static let leastGain = 5

    init() {}

    /// items: of tiles and heads. positions: of the longest sequence. most: partial results that there is room for, each of
    /// one item's segment.
    init(items: Int, positions: Int, workers: Int, most: Int) {
        let count = (positions + Int(ISTER_SEGMENT) - 1) / Int(ISTER_SEGMENT)
        let whole = (items + workers - 1) / workers * count
        let split = (items * count + workers - 1) / workers
        if whole - split >= Self.leastGain, items * count <= most { segments = count }
    }
}
