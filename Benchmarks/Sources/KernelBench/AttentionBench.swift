import CIsterKernels

/// Attention of one key/value head's group over a cache of 4096 positions: 8 key/value heads of 4 query heads and 80
/// columns, as a 1.8B model has them. Calls walk over the key/value heads.
@safe final class AttentionBench {
    private static let headWidth = 80
    private static let keyValueHeads = 8
    private static let heads = 4
    static let depth = 4096
    private static let blocks = depth / Int(ISTER_BLOCK_POSITIONS) + 1

    private let table: Table
    private let effort: Effort
    private let formatName: String
    /// Of one head's keys and values in a block.
    private let blockBytes: Int
    private let cache: Memory
    private let memories: [Memory]
    private let rows: Memory
    private let workspace: Memory

    init(_ table: Table, _ format: ister_cache_format, name: String, _ effort: Effort) {
        self.table = table
        self.effort = effort
        formatName = name
        let keyBytes = ister_key_block_bytes(format, Self.headWidth)
        let valueBytes = ister_value_block_bytes(format, Self.headWidth)
        blockBytes = keyBytes + valueBytes
        let keys = Memory(bytes: Self.blocks * Self.keyValueHeads * keyBytes)
        let values = Memory(bytes: Self.blocks * Self.keyValueHeads * valueBytes)
        let numbers = Memory((0..<Self.blocks).map(Int32.init))
        memories = [keys, values, numbers]
        cache = unsafe Memory([
            ister_cache(
                format: format, head_width: Self.headWidth, key_value_heads: Self.keyValueHeads,
                keys: keys.base, values: values.base, table: numbers.pointer(Int32.self), table_length: Self.blocks)
        ])
        var random = Numbers(5)
        rows = Memory(random.floats(16 * Self.heads * Self.headWidth))
        workspace = Memory(bytes: ister_attention_workspace_floats(Self.headWidth) * MemoryLayout<Float>.size)
        for position in 0..<Self.depth {
            for head in 0..<Self.keyValueHeads {
                _ = unsafe table.kernels.pointee.store_position(
                    cache.pointer(ister_cache.self), head, position, random.floats(Self.headWidth),
                    random.floats(Self.headWidth))
            }
        }
    }

    /// One token at the end of the cache, as decode asks for.
    var decode: Measurement { measure("decode", tokens: 1) }

    /// The last tile of a prompt: as many tokens as one call takes.
    var prefill: Measurement { measure("prefill tile", tokens: Int(ISTER_QUERY_TILE) / Self.heads) }

    private func measure(_ name: String, tokens: Int) -> Measurement {
        let stride = Self.heads * Self.headWidth
        let output = Memory(bytes: tokens * stride * 4)
        let clock = clockHertz()
        let (seconds, slices) = effort.median { call in
            var job = unsafe ister_attention(
                cache: cache.pointer(ister_cache.self), key_value_head: call % Self.keyValueHeads, heads: Self.heads,
                queries: rows.pointer(Float.self), output: output.pointer(Float.self), stride: stride,
                position: Self.depth - tokens, tokens: tokens, window: 0, scale: 0.11,
                workspace: workspace.pointer(Float.self))
            _ = unsafe table.kernels.pointee.attend(&job)
        }
        // Scores and weighted values; a token of the tile sees those before it.
        let pairs = tokens * Self.depth - tokens * (tokens - 1) / 2
        let macs = Double(2 * pairs * Self.heads * Self.headWidth)
        let bytes = Double((Self.blocks - 1) * blockBytes)
        return Measurement(
            isa: table.name, kernel: "attend", variant: "\(name) @ \(Self.depth), \(formatName)", tokens: tokens,
            workingBytes: Int(bytes) * Self.keyValueHeads, macsPerSecond: macs / seconds,
            macsPerCycle: macs / seconds / clock, bytesPerSecond: bytes / seconds, elementsPerCycle: nil,
            nanoseconds: seconds * 1e9, sliceCount: slices, clockHertz: clock)
    }
}
