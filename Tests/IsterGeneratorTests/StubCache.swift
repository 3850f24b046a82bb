@testable import IsterGenerator

import IsterDecoder

/// A model whose keys and values are hashes: what a position holds names the partition and every token up to it. So a
/// block that belongs to somebody else, or that was overwritten, is seen at once; and a text depends on what was read.
struct StubCache {
    struct Damage: Error, CustomStringConvertible {
        let description: String
    }

    private var contents: [[UInt64]]
    private var tables: [[Int32]]
    private var lengths: [Int]

    private let window: Int?

    init(blockCount: Int, sequenceCount: Int, window: Int?) {
        self.window = window
        contents = Array(repeating: Array(repeating: 0, count: PrefixCache.blockLength), count: blockCount)
        tables = Array(repeating: [], count: sequenceCount)
        lengths = Array(repeating: 0, count: sequenceCount)
    }

    static func start(_ partition: String) -> UInt64 {
        partition.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    static func next(_ state: UInt64, _ token: Int32) -> UInt64 {
        var random = RandomSequence(seed: state ^ UInt64(UInt32(bitPattern: token)))
        return random.nextBits()
    }

    /// The token that follows.
    static func token(_ state: UInt64) -> Int32 { Int32(state % 5) }

    /// What a request alone gets.
    static func text(_ partition: String, prompt: [Int32], count: Int) -> [Int32] {
        var state = prompt.reduce(start(partition)) { next($0, $1) }
        var ids: [Int32] = []
        while ids.count < count {
            ids.append(token(state))
            state = next(state, ids[ids.count - 1])
        }
        return ids
    }

    /// Runs a slice; states: of every position of the request so far. Returns the last token's state.
    mutating func run(_ slice: StepPlan.Slice, start: UInt64, states: [UInt64]) throws -> UInt64 {
        let sequence = slice.sequence
        if slice.begins {
            tables[sequence] = []
            lengths[sequence] = slice.start
        }
        if let first = slice.newBlocks {
            try check(first <= tables[sequence].count, "a hole in the table of \(slice.id)")
            tables[sequence].replaceSubrange(first..., with: slice.blocks[first...])
        }
        let behind = window.map { Decoder.positionsBehind(window: $0, length: slice.start) } ?? 0
        // Blocks that were given back are still in the table; nothing may be read there.
        let seen = behind / PrefixCache.blockLength
        try check(
            tables[sequence].dropFirst(seen) == slice.blocks.dropFirst(seen)
                && !slice.blocks.dropFirst(seen).contains(-1),
            "the decoder was not told the blocks of \(slice.id)")
        try check(lengths[sequence] == slice.start, "\(slice.id) goes on at a wrong position")
        for position in behind..<slice.start where position == slice.start - 1 || position % 16 == 15 {
            try check(self[sequence, position] == states[position], "\(slice.id) reads foreign values at \(position)")
        }
        // A window of 1 does not even see the last.
        var state = slice.start == 0 ? start : states[slice.start - 1]
        for (offset, token) in slice.tokens.enumerated() {
            state = Self.next(state, token)
            self[sequence, slice.start + offset] = state
        }
        lengths[sequence] = slice.end
        return state
    }

    private subscript(sequence: Int, position: Int) -> UInt64 {
        get { contents[Int(tables[sequence][position / 16])][position % 16] }
        set { contents[Int(tables[sequence][position / 16])][position % 16] = newValue }
    }

    private func check(_ condition: Bool, _ message: @autoclosure () -> String) throws {
        if !condition { throw Damage(description: message()) }
    }
}
