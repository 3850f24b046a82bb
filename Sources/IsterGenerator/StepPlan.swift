import IsterDecoder

typealias RequestID = Int

/// What the scheduler knows of a request.
struct ScheduledWork: Sendable {
    var prompt: [Int32]
    var client = ""
    var partition = CachePartition.client("")
    var priority = 0
    /// In the scheduler's seconds.
    var deadline: Double?
    /// `last`: of the prompt's last token; `all` and `states`: every token is computed and gives a row.
    var promptLogits = LogitSelection.last

    /// Whether rows of every token of the prompt are wanted, so that none may come from the cache.
    var needsEveryToken: Bool { promptLogits == .all || promptLogits == .states }
}

/// What one forward call does, and what changed before it.
struct StepPlan: Sendable {
    struct Slice: Sendable {
        var id: RequestID
        var sequence: Int
        /// Position of the first token.
        var start: Int
        var tokens: [Int32]
        var logits: LogitSelection
        /// The sequence's blocks, from position 0.
        var blocks: [Int32]
        /// The decoder does not know the blocks from here on; nil: it knows all.
        var newBlocks: Int?
        /// The sequence is new to its place in the decoder.
        var begins: Bool
        /// The request's first slice: tokens that were found in the cache.
        var startsWithCached: Int?
        var promptTokenCount: Int
        /// No token can follow.
        var fillsContext: Bool

        var end: Int { start + tokens.count }

        /// Rows of logits, and of hidden states.
        var logitRowCount: Int {
            switch logits {
            case .none, .states: 0
            case .last: 1
            case .all: tokens.count
            }
        }
        var stateRowCount: Int { logits == .states ? tokens.count : 0 }
    }

    enum End: Sendable, Equatable {
        case cancelled
        case deadline
        case waitedTooLong(seconds: Double)
    }

    /// When it was made, in seconds.
    var start: Double
    /// Those that only decode come first.
    var slices: [Slice] = []
    var decodingCount = 0
    /// Requests that are over; nothing of them is left.
    var ended: [(id: RequestID, end: End)] = []
    /// Requests that gave their place and blocks to others and wait again.
    var preempted: [RequestID] = []

    var rowCount: Int { slices.reduce(0) { $0 + $1.tokens.count } }
}

/// What became of a slice.
enum SliceOutcome: Sendable, Equatable {
    /// token: the one that follows, if the slice reached the end of what is known.
    case advanced(token: Int32?)
    /// The request is over; token: the last, if this slice gave it.
    case finished(token: Int32?)
    /// The request is over, and what the slice wrote is worth nothing.
    case failed
}
