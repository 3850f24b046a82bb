import CIsterKernels

/// Attention of one key/value head's group over a cache of 4096 positions: 8 key/value heads of 4 query heads and 80
/// columns, as a 1.8B model has them. Calls walk over the key/value heads of one layer after the other.
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
    private let layers: Int
    /// [layers]
    private let caches: Memory
    private let memories: [Memory]
    private let rows: Memory
    private let workspace: Memory
    /// What each segment of the context contributes.
    private let partials: Memory

    /// bytes: as many layers as are not larger, at least one.
    init(_ table: Table, _ format: ister_cache_format, name: String, bytes: Int, _ effort: Effort) {
        self.table = table
        self.effort = effort
        formatName = name
        let keyBytes = ister_key_block_bytes(format, Self.headWidth)
        let valueBytes = ister_value_block_bytes(format, Self.headWidth)
        blockBytes = keyBytes + valueBytes
        let (keysOfLayer, valuesOfLayer) = (Self.heads(keyBytes), Self.heads(valueBytes))
        let layers = max(bytes / (keysOfLayer + valuesOfLayer), 1)
        let (keys, values) = (Memory(bytes: layers * keysOfLayer), Memory(bytes: layers * valuesOfLayer))
        let numbers = Memory((0..<Self.blocks).map(Int32.init))
        memories = [keys, values, numbers]
        caches = unsafe Memory(
            (0..<layers).map { layer in
                unsafe ister_cache(
                    format: format, head_width: Self.headWidth, key_value_heads: Self.keyValueHeads,
                    keys: keys.base + layer * keysOfLayer, values: values.base + layer * valuesOfLayer,
                    block_count: Self.blocks, table: numbers.pointer(Int32.self), table_length: Self.blocks)
            })
        self.layers = layers
        var random = Numbers(5)
        rows = Memory(random.floats(16 * Self.heads * Self.headWidth))
        workspace = Memory(bytes: ister_attention_workspace_floats(Self.headWidth) * MemoryLayout<Float>.size)
        partials = Memory(
            bytes: (Self.depth / Int(ISTER_SEGMENT) + 1) * ister_partial_floats(Self.headWidth, Self.heads)
                * MemoryLayout<Float>.size)
        for position in 0..<Self.depth {
            for head in 0..<Self.keyValueHeads {
                _ = unsafe table.kernels.pointee.store_position(
                    caches.pointer(ister_cache.self), head, position, random.floats(Self.headWidth),
                    random.floats(Self.headWidth))
            }
        }
        for layer in (0..<layers).dropFirst() {
            unsafe (keys.base + layer * keysOfLayer).copyMemory(from: keys.base, byteCount: keysOfLayer)
            unsafe (values.base + layer * valuesOfLayer).copyMemory(from: values.base, byteCount: valuesOfLayer)
        }
    }

    /// Of all heads and blocks of a layer.
    private static func heads(_ blockBytes: Int) -> Int { blocks * keyValueHeads * blockBytes }

    /// One token at the end of the cache, as decode asks for.
    var decode: Measurement { unsafe measure("decode", tokens: 1, whole) }

    /// The same by segments, as workers share the context of few heads, and what joins them.
    var decodeBySegments: Measurement { unsafe measure("by segments", tokens: 1, bySegments) }

    /// The last tile of a prompt: as many tokens as one call takes.
    var prefill: Measurement { unsafe measure("prefill tile", tokens: Int(ISTER_QUERY_TILE) / Self.heads, whole) }

    /// Keys and values of one position and head into the cache, one position after the other.
    var store: Measurement {
        let clock = clockHertz()
        let (seconds, slices) = effort.median { call in
            _ = unsafe table.kernels.pointee.store_position(
                caches.pointer(ister_cache.self), call % Self.keyValueHeads, call / Self.keyValueHeads % Self.depth,
                rows.pointer(Float.self), rows.pointer(Float.self) + Self.headWidth)
        }
        return Measurement(
            isa: table.name, kernel: "store_position", variant: formatName, tokens: 1,
            workingBytes: Self.depth * Self.keyValueHeads / Int(ISTER_BLOCK_POSITIONS) * blockBytes, macsPerSecond: nil,
            macsPerCycle: nil, bytesPerSecond: nil, elementsPerCycle: Double(2 * Self.headWidth) / seconds / clock,
            nanoseconds: seconds * 1e9, sliceCount: slices, clockHertz: clock)
    }

    private func whole(_ job: inout ister_attention) { _ = unsafe table.kernels.pointee.attend(&job) }

    private func bySegments(_ job: inout ister_attention) {
        let floats = ister_partial_floats(Self.headWidth, Self.heads)
        for segment in unsafe 0...job.position / Int(ISTER_SEGMENT) {
            _ = unsafe table.kernels.pointee.attend_segment(
                &job, segment, partials.pointer(Float.self) + segment * floats)
        }
        unsafe table.kernels.pointee.join_segments(&job, partials.pointer(Float.self))
    }

    private func measure(_ name: String, tokens: Int, _ attend: (inout ister_attention) -> Void) -> Measurement {
        let stride = Self.heads * Self.headWidth
        let output = Memory(bytes: tokens * stride * 4)
        let clock = clockHertz()
        let (seconds, slices) = effort.median { call in
            let layer = call / Self.keyValueHeads % layers
            var job = unsafe ister_attention(
                cache: caches.pointer(ister_cache.self) + layer, key_value_head: call % Self.keyValueHeads,
                heads: Self.heads,
                queries: rows.pointer(Float.self), output: output.pointer(Float.self), stride: stride,
                position: Self.depth - tokens, tokens: tokens, window: 0, scale: 0.11,
                workspace: workspace.pointer(Float.self))
            unsafe attend(&job)
        }
        // Scores and weighted values; a token of the tile sees those before it.
        let pairs = tokens * Self.depth - tokens * (tokens - 1) / 2
        let macs = Double(2 * pairs * Self.heads * Self.headWidth)
        let bytes = Double((Self.blocks - 1) * blockBytes)
        return Measurement(
            isa: table.name, kernel: "attend", variant: "\(name) @ \(Self.depth), \(formatName)", tokens: tokens,
            workingBytes: Int(bytes) * Self.keyValueHeads * layers, macsPerSecond: macs / seconds,
            macsPerCycle: macs / seconds / clock, bytesPerSecond: bytes / seconds, elementsPerCycle: nil,
            nanoseconds: seconds * 1e9, sliceCount: slices, clockHertz: clock)
    }
}
