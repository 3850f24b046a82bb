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

    /// sequences: the items, of tiles and heads, of each, and the positions that they see. most: partial results that
    /// there is room for, each of one item's segment.
    init(_ sequences: [(items: Int, positions: Int)], workers: Int, most: Int) {
        let longestFirst = sequences.map { (items: $0.items, segments: Self.segments($0.positions)) }
            .sorted { $0.segments > $1.segments }
        var items = 0
        var all = 0
        var whole = 0
        for sequence in longestFirst {
            items += sequence.items
            all += sequence.items * sequence.segments
            // So many items, none shorter than these, are among this many workers.
            whole = max(whole, (items + workers - 1) / workers * sequence.segments)
        }
        let longest = longestFirst.first?.segments ?? 0
        let split = (all + workers - 1) / workers
        if whole - split >= Self.leastGain, items * longest <= most { segments = longest }
    }

    private static func segments(_ positions: Int) -> Int { (positions + Int(ISTER_SEGMENT) - 1) / Int(ISTER_SEGMENT) }
}
