import CIsterKernels
import Glibc
import Testing

/// A cache filled with seeded keys and values, and the queries of its positions.
struct AttentionCase: Sendable, CustomStringConvertible {
    let headWidth: Int
    let heads: Int
    let window: Int
    let format: ister_cache_format
    let positions: Int
    var description: String {
        "width \(headWidth), \(heads) heads, window \(window), cache \(format.rawValue), \(positions) positions"
    }
    /// A ring when there is a window: window and up to 16 tokens, and a block for each end.
    var blocks: Int { window > 0 ? (window + 31) / 16 + 1 : (positions + 15) / 16 }
    static let keyValueHeads = 2

    static let all: [AttentionCase] = [ISTER_CACHE_F32, ISTER_CACHE_F16, ISTER_CACHE_Q8].flatMap { format in
        [(20, 4, 0, 70), (24, 1, 0, 40), (80, 4, 0, 280), (64, 3, 13, 90), (80, 16, 100, 290), (20, 2, 0, 560)].map {
            AttentionCase(headWidth: $0.0, heads: $0.1, window: $0.2, format: format, positions: $0.3)
        }
    }

    /// Of all positions, head by head.
    struct Vectors {
        let query: [Float]
        let key: [Float]
        let value: [Float]
    }

    /// Made once for many uses: without optimization it takes longer than attending.
    func vectors() -> Vectors {
        func floats(_ seed: UInt64, heads: Int) -> [Float] {
            var generator = Seeded(seed)
            return generator.floats(positions * heads * headWidth)
        }
        return Vectors(
            query: floats(1, heads: heads), key: floats(2, heads: Self.keyValueHeads),
            value: floats(3, heads: Self.keyValueHeads))
    }

    /// `count` blocks, all of zeros but the last, which is NaN. bytes: of one head in a block.
    private func pool(_ count: Int, of bytes: Int) -> Owned<UInt32> {
        let words = bytes / 4
        var pool = [UInt32](repeating: 0, count: count * Self.keyValueHeads * words)
        let (last, extent) = (count - 1, Int(ISTER_EXTENT_BLOCKS))
        let first = last / extent * extent
        for head in 0..<Self.keyValueHeads {
            let start = (first * Self.keyValueHeads + head * (count - first) + last % extent) * words
            for word in start..<start + words { pool[word] = .max }
        }
        return Owned(pool)
    }

    /// Output of every position, `tokens` at a time, keys and values of a tile written before it is attended.
    /// forgets: instead of a ring there is a block for every 16 positions, and what lies wholly behind the window is
    /// replaced by a block of NaN, which no weight can hide, before a tile is attended.
    /// inParts: segment by segment, the last one first, and then joined.
    func run(
        _ table: Table, _ vectors: Vectors, tokens: Int, forgets: Bool = false, inParts: Bool = false
    ) -> [Float] {
        let blocks = forgets ? (positions + 15) / 16 : blocks
        let width = heads * headWidth
        let keys = pool(blocks + 1, of: ister_key_block_bytes(format, headWidth))
        let values = pool(blocks + 1, of: ister_value_block_bytes(format, headWidth))
        let order = Owned((0..<blocks).map { Int32(blocks - 1 - $0) })
        let output = Owned(repeating: Float.nan, count: positions * width)
        let workspace = Owned(repeating: Float(0), count: ister_attention_workspace_floats(headWidth))
        let queries = Owned(vectors.query), newKeys = Owned(vectors.key)
        let newValues = Owned(vectors.value)
        let kernels = unsafe table.kernels
        let cache = unsafe Owned([
            ister_cache(
                format: format, head_width: headWidth, key_value_heads: Self.keyValueHeads, keys: keys.start,
                values: values.start, block_count: blocks + 1, table: order.start, table_length: blocks)
        ])
        for start in stride(from: 0, to: positions, by: tokens) {
            let count = min(tokens, positions - start)
            for item in start * Self.keyValueHeads..<(start + count) * Self.keyValueHeads {
                let at = item * headWidth
                let status = unsafe kernels.store_position(
                    cache.start, item % Self.keyValueHeads, item / Self.keyValueHeads, newKeys.start + at,
                    newValues.start + at)
                #expect(status == 0)
            }
            for block in 0..<max(start - window + 1, 0) / 16 where forgets { unsafe order.start[block] = Int32(blocks) }
            var job = unsafe ister_attention(
                cache: cache.start, key_value_head: 1, heads: heads, queries: queries.start + start * width,
                output: output.start + start * width, stride: width, position: start, tokens: count, window: window,
                scale: 0.3, workspace: workspace.start)
            if inParts {
                unsafe attendInParts(kernels, &job)
            } else {
                #expect(unsafe kernels.attend(&job) == 0)
            }
        }
        return unsafe withExtendedLifetime((keys, values, order, workspace, queries, newKeys, newValues, cache)) {
            output.array
        }
    }

    private func attendInParts(_ kernels: ister_kernels, _ job: inout ister_attention) {
        let first = unsafe window > 0 ? max(job.position - window + 1, 0) : 0
        let segments = unsafe first / Int(ISTER_SEGMENT)...(job.position + job.tokens - 1) / Int(ISTER_SEGMENT)
        let size = unsafe ister_partial_floats(headWidth, job.tokens * heads)
        let partials = Owned(repeating: Float.nan, count: segments.count * size)
        for (index, segment) in segments.enumerated().reversed() {
            #expect(unsafe kernels.attend_segment(&job, segment, partials.start + index * size) == 0)
        }
        unsafe kernels.join_segments(&job, partials.start)
    }

    /// The textbook formula in double precision.
    func exact(_ vectors: Vectors, position: Int, head: Int) -> [Double] {
        let first = window > 0 ? max(0, position - window + 1) : 0
        let keyWidth = Self.keyValueHeads * headWidth
        let weights = (first...position).map { p in
            exp(
                0.3
                    * (0..<headWidth).reduce(0.0) { sum, d in
                        let q = vectors.query[(position * heads + head) * headWidth + d]
                        return sum + Double(q) * Double(vectors.key[p * keyWidth + headWidth + d])
                    })
        }
        let total = weights.reduce(0, +)
        return (0..<headWidth).map { d in
            (first...position).reduce(0.0) {
                $0 + weights[$1 - first] * Double(vectors.value[$1 * keyWidth + headWidth + d])
            } / total
        }
    }
}

@Suite struct AttentionParity {
    @Test(arguments: AttentionCase.all)
    func `attention is softmax of the visible scores times values`(attention: AttentionCase) {
        let vectors = attention.vectors()
        let found = attention.run(.scalar, vectors, tokens: 1)
        // Half precision keeps 11 bits of keys and values, float 24; int8 has steps of 1/127 of the largest element.
        let bound = [ISTER_CACHE_F32: 2e-6, ISTER_CACHE_F16: 2e-3, ISTER_CACHE_Q8: 2e-2][attention.format]!
        for position in [0, 1, attention.positions / 2, attention.positions - 1] {
            for head in 0..<attention.heads {
                let at = (position * attention.heads + head) * attention.headWidth
                for (d, exact) in attention.exact(vectors, position: position, head: head).enumerated() {
                    #expect(abs(Double(found[at + d]) - exact) < bound)
                }
            }
        }
    }

    @Test(arguments: Table.vectorized + [.scalar], AttentionCase.all)
    func `attention has the same bits in every instruction set and cut of the prompt`(
        table: Table, attention: AttentionCase
    ) {
        let vectors = attention.vectors()
        let expected = bits(attention.run(.scalar, vectors, tokens: 1))
        for tokens in [1, 3, 16] where tokens * attention.heads <= 16 {
            #expect(bits(attention.run(table, vectors, tokens: tokens)) == expected, "\(tokens) tokens")
            let parts = attention.run(table, vectors, tokens: tokens, inParts: true)
            #expect(bits(parts) == expected, "\(tokens) tokens, in parts")
        }
    }

    @Test(arguments: Table.vectorized + [.scalar], AttentionCase.all.filter { $0.window == 13 })
    func `blocks that lie wholly behind the window are never read`(table: Table, attention: AttentionCase) {
        let vectors = attention.vectors()
        let expected = bits(attention.run(.scalar, vectors, tokens: 1))
        for tokens in [1, 5] where tokens * attention.heads <= 16 {
            #expect(bits(attention.run(table, vectors, tokens: tokens, forgets: true)) == expected, "\(tokens) tokens")
        }
    }
}
