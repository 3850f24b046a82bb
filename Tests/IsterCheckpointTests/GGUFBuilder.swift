/// Writes GGUF files, wrong ones included.
struct GGUFBuilder {
    indirect enum Value {
        case u8(UInt8), u32(UInt32), i32(Int32), u64(UInt64), f32(Float), bool(UInt8), string(String)
        case array(elementType: UInt32, count: UInt64, [UInt8])
        /// Anything: type number and bytes.
        case raw(UInt32, [UInt8])

        static func strings(_ strings: [String]) -> Value {
            .array(elementType: 8, count: UInt64(strings.count), strings.flatMap(GGUFBuilder.string))
        }

        static func floats(_ floats: [Float]) -> Value {
            .array(elementType: 6, count: UInt64(floats.count), floats.flatMap { $0.bitPattern.bytes })
        }

        static func integers(_ integers: [Int32]) -> Value {
            .array(elementType: 5, count: UInt64(integers.count), integers.flatMap(\.bytes))
        }

        var bytes: [UInt8] {
            switch self {
            case .u8(let value): UInt32(0).bytes + [value]
            case .u32(let value): UInt32(4).bytes + value.bytes
            case .i32(let value): UInt32(5).bytes + value.bytes
            case .f32(let value): UInt32(6).bytes + value.bitPattern.bytes
            case .bool(let value): UInt32(7).bytes + [value]
            case .string(let value): UInt32(8).bytes + GGUFBuilder.string(value)
            case .array(let type, let count, let bytes): UInt32(9).bytes + type.bytes + count.bytes + bytes
            case .u64(let value): UInt32(10).bytes + value.bytes
            case .raw(let type, let bytes): type.bytes + bytes
            }
        }
    }

    struct Tensor {
        var name: String
        /// As in the file: columns first.
        var dimensions: [UInt64]
        var type: UInt32
        var data: [UInt8]
        /// Overrides what the layout gives.
        var offset: UInt64?
    }

    var magic: [UInt8] = Array("GGUF".utf8)
    var version: UInt32 = 3
    var tensorCount: UInt64?
    var keyCount: UInt64?
    var keys: [(String, Value)] = []
    var tensors: [Tensor] = []
    var alignment = 32

    static func string(_ string: String) -> [UInt8] { UInt64(string.utf8.count).bytes + Array(string.utf8) }

    mutating func set(_ key: String, _ value: Value?) {
        keys.removeAll { $0.0 == key }
        if let value { keys.append((key, value)) }
    }

    mutating func addZeros(_ name: String, rows: Int?, columns: Int) {
        let dimensions = [UInt64(columns)] + (rows.map { [UInt64($0)] } ?? [])
        tensors.append(
            Tensor(
                name: name, dimensions: dimensions, type: 0, data: Array(repeating: 0, count: 4 * columns * (rows ?? 1))
            ))
    }

    /// Everything before the tensor data.
    var head: [UInt8] {
        var out = magic + version.bytes
        out += (tensorCount ?? UInt64(tensors.count)).bytes + (keyCount ?? UInt64(keys.count)).bytes
        for (key, value) in keys { out += Self.string(key) + value.bytes }
        var offset = 0
        for tensor in tensors {
            out += Self.string(tensor.name) + UInt32(tensor.dimensions.count).bytes
            out += tensor.dimensions.flatMap(\.bytes) + tensor.type.bytes + (tensor.offset ?? UInt64(offset)).bytes
            offset += padded(tensor.data.count)
        }
        return out
    }

    var file: [UInt8] {
        var out = head
        out += Array(repeating: 0, count: padded(out.count) - out.count)
        for tensor in tensors {
            out += tensor.data + Array(repeating: 0, count: padded(tensor.data.count) - tensor.data.count)
        }
        return out
    }

    private func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}

extension GGUFBuilder {
    /// A llama of one layer. `embedding` replaces the rows of the token embedding.
    static func tiny(
        hidden: Int = 8, heads: Int = 2, keyValueHeads: Int = 1, feedForward: Int = 4, vocabulary: Int = 3,
        embedding: (type: UInt32, data: [UInt8])? = nil
    ) -> GGUFBuilder {
        var builder = GGUFBuilder()
        let keyValueWidth = hidden / heads * keyValueHeads
        builder.keys = [
            ("general.architecture", .string("llama")),
            ("llama.block_count", .u32(1)),
            ("llama.context_length", .u32(64)),
            ("llama.embedding_length", .u32(UInt32(hidden))),
            ("llama.feed_forward_length", .u32(UInt32(feedForward))),
            ("llama.attention.head_count", .u32(UInt32(heads))),
            ("llama.attention.head_count_kv", .u32(UInt32(keyValueHeads))),
            ("llama.attention.layer_norm_rms_epsilon", .f32(1e-5)),
            ("llama.vocab_size", .u32(UInt32(vocabulary))),
        ]
        builder.addZeros("token_embd.weight", rows: vocabulary, columns: hidden)
        if let embedding {
            builder.tensors[0].type = embedding.type
            builder.tensors[0].data = embedding.data
        }
        for (name, rows, columns) in [
            ("attn_q", hidden, hidden), ("attn_k", keyValueWidth, hidden), ("attn_v", keyValueWidth, hidden),
            ("attn_output", hidden, hidden), ("ffn_gate", feedForward, hidden), ("ffn_up", feedForward, hidden),
            ("ffn_down", hidden, feedForward),
        ] {
            builder.addZeros("blk.0.\(name).weight", rows: rows, columns: columns)
        }
        for name in ["blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"] {
            builder.addZeros(name, rows: nil, columns: hidden)
        }
        return builder
    }
}
