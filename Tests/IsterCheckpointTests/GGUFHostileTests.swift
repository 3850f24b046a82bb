import IsterCheckpoint
import Testing

@Suite struct `Hostile GGUF files` {
    private func refused(
        sourceLocation: SourceLocation = #_sourceLocation, _ change: (inout GGUFBuilder) -> Void
    ) throws -> CheckpointError? {
        let folder = try TemporaryFolder()
        var builder = GGUFBuilder.tiny()
        change(&builder)
        return refusal(try folder.write("x.gguf", builder.file), sourceLocation: sourceLocation)
    }

    @Test func `wrong magic, version and byte order are refused`() throws {
        guard case .malformed(_, "the magic", _, _)? = try refused({ $0.magic = Array("GGML".utf8) }) else {
            return #expect(Bool(false))
        }
        for version: UInt32 in [0, 1, 4, .max] {
            guard case .malformed(_, "the version", _, _)? = try refused({ $0.version = version }) else {
                return #expect(Bool(false))
            }
        }
        guard case .malformed(_, "the version", "big-endian", _)? = try refused({ $0.version = 0x0300_0000 }) else {
            return #expect(Bool(false))
        }
    }

    @Test(arguments: [1000, 65_536, 65_537, 1 << 40, 1 << 63, UInt64.max])
    func `absurd counts are refused before memory is taken`(count: UInt64) throws {
        _ = try refused { $0.tensorCount = count }
        _ = try refused { $0.keyCount = count }
        _ = try refused { $0.set("x", .array(elementType: 4, count: count, [])) }
        _ = try refused { $0.set("x", .array(elementType: 8, count: count, [])) }
        _ = try refused { $0.set("x", .raw(8, count.bytes)) }
        _ = try refused { $0.keys.append(("", .raw(4, count.bytes))) }
    }

    @Test func `a count is checked against the bytes that its records need`() throws {
        // 1000 values of four bytes cannot follow in a file of about 2000 bytes.
        let file = GGUFBuilder.tiny().file.count
        #expect((1200..<3900).contains(file))
        guard
            case .truncated(_, "the array \"x\" of 1000", 4000, _)? = try refused({
                $0.set("x", .array(elementType: 4, count: 1000, []))
            })
        else { return #expect(Bool(false)) }
    }

    @Test func `wrong types name the wanted and the found one`() throws {
        #expect(
            try {
                if case .wrongValueType(_, "llama.block_count", "an integer", "string")? = try refused({
                    $0.set("llama.block_count", .string("1"))
                }) {
                    true
                } else {
                    false
                }
            }())
        #expect(
            try {
                if case .wrongValueType(_, "llama.attention.layer_norm_rms_epsilon", "f32 or f64", "u32")? =
                    try refused({ $0.set("llama.attention.layer_norm_rms_epsilon", .u32(1)) })
                {
                    true
                } else {
                    false
                }
            }())
        #expect(
            try {
                if case .wrongValueType(_, "tokenizer.ggml.scores", "f32[]", "u8[]")? = try refused({
                    $0.set("tokenizer.ggml.model", .string("llama"))
                    $0.set("tokenizer.ggml.tokens", .strings(["a", "b", "c"]))
                    $0.set("tokenizer.ggml.scores", .array(elementType: 0, count: 3, [0, 0, 0]))
                }) {
                    true
                } else {
                    false
                }
            }())
        #expect(
            try {
                if case .wrongValueType(_, "llama.attention.head_count", "an integer", "i32[]")? = try refused({
                    $0.set("llama.attention.head_count", .integers([2]))
                }) {
                    true
                } else {
                    false
                }
            }())
    }

    @Test func `malformed values are refused`() throws {
        _ = try refused { $0.set("x", .raw(13, [0])) }
        _ = try refused { $0.set("x", .raw(.max, [0])) }
        _ = try refused { $0.set("x", .bool(2)) }
        _ = try refused { $0.set("x", .u64(.max)) }
        _ = try refused { $0.set("x", .array(elementType: 9, count: 1, Array(repeating: 0, count: 12))) }
        _ = try refused { $0.set("x", .array(elementType: 77, count: 1, [0])) }
        _ = try refused { $0.keys.append(("general.architecture", .string("llama"))) }
        _ = try refused { $0.keys.append(("", .u8(1))) }
        _ = try refused { $0.keys.append(("a\nb", .u8(1))) }
    }

    @Test func `bad alignment is refused`() throws {
        for alignment: UInt32 in [0, 3, 48, 131_072, 1 << 31] {
            guard
                case .settingOutOfRange(_, "general.alignment", _, _)? = try refused({
                    $0.set("general.alignment", .u32(alignment))
                })
            else { return #expect(Bool(false), "\(alignment)") }
        }
    }

    @Test func `offsets past the end, unaligned or overlapping are refused`() throws {
        for offset: UInt64 in [1 << 20, 1 << 62, 1 << 63, .max - 31, 7, 0] {
            guard case .badTensorExtent(_, let tensor, _, _)? = try refused({ $0.tensors[1].offset = offset }) else {
                return #expect(Bool(false), "\(offset)")
            }
            #expect(tensor == "blk.0.attn_q.weight" || offset == 0)
        }
    }

    @Test func `dimensions that are zero, too many or overflow are refused`() throws {
        for dimensions in [
            [], [0, 8], [8, 0], [1, 1, 1, 1, 1], [1 << 32, 1 << 32], [.max, 1], [1 << 63, 2], [8, 1 << 61],
        ] as [[UInt64]] {
            guard case .badTensorExtent? = try refused({ $0.tensors[1].dimensions = dimensions }) else {
                return #expect(Bool(false), "\(dimensions)")
            }
        }
        // Rows must be whole blocks.
        guard case .badTensorExtent? = try refused({ $0.tensors[1].type = 2 }) else { return #expect(Bool(false)) }
    }

    @Test func `types that cannot be read are named`() throws {
        for (type, name) in [(10, "Q2_K"), (20, "IQ4_NL"), (39, "MXFP4"), (4242, "number 4242")] as [(UInt32, String)] {
            guard
                case .unsupportedTensorType(_, "model.layers.0.self_attn.q_proj.weight", let found, _)? = try refused({
                    $0.tensors[1].type = type
                })
            else { return #expect(Bool(false)) }
            #expect(found == name)
        }
    }

    @Test func `tensors that are missing, twice there, unknown or misshapen are named`() throws {
        #expect(try refused { $0.tensors.removeLast() } == .missingTensor(tensor: "model.norm.weight"))
        #expect(
            try refused { $0.addZeros("blk.0.ffn_gate_exps.weight", rows: 1, columns: 4) }
                == .unexpectedTensors(names: ["blk.0.ffn_gate_exps.weight"]))
        #expect(
            try refused { $0.addZeros("blk.1.attn_norm.weight", rows: nil, columns: 8) }
                == .unexpectedTensors(names: ["model.layers.1.input_layernorm.weight"]))
        guard case .duplicateTensor? = try refused({ $0.addZeros("output_norm.weight", rows: nil, columns: 8) }) else {
            return #expect(Bool(false))
        }
        guard case .wrongTensorShape? = try refused({ $0.tensors[1].dimensions = [16, 4] }) else {
            return #expect(Bool(false))
        }
    }

    /// Hugging Face's names in a GGUF file would stand for other row orders and for heads that are not tied.
    @Test(arguments: ["lm_head.weight", "model.norm.weight", "model.layers.0.self_attn.rotary_emb.inv_freq"])
    func `a tensor under its Hugging Face name is unexpected`(name: String) throws {
        #expect(
            try refused { $0.addZeros(name, rows: 3, columns: 8) } == .unexpectedTensors(names: [name]))
    }

    @Test(
        arguments: [
            ("general.architecture", .string("qwen2")), ("llama.expert_count", .u32(8)),
            ("llama.attention.head_count", .u32(0)), ("llama.attention.head_count_kv", .u32(0)),
            ("llama.attention.head_count_kv", .i32(-1)), ("llama.block_count", .u32(0)),
            ("llama.block_count", .u64(1 << 62)),
            ("llama.embedding_length", .u32(.max)), ("llama.vocab_size", .u32(0)), ("llama.context_length", .u32(0)),
            ("llama.attention.layer_norm_rms_epsilon", .f32(.nan)), ("llama.rope.freq_base", .f32(.infinity)),
            ("llama.rope.freq_base", .f32(0)), ("llama.rope.dimension_count", .u32(2)),
            ("llama.logit_scale", .f32(0.5)),
            ("llama.rope.scaling.type", .string("longrope")), ("llama.rope.scaling.novel", .f32(1)),
            ("llama.rope.scaling.attn_factor", .f32(0.5)),
            ("llama.attention.key_length", .u32(4)), ("split.count", .u32(2)), ("tokenizer.ggml.eos_token_id", .u32(3)),
        ] as [(String, GGUFBuilder.Value)])
    func `unsupported and nonsensical settings are refused`(key: String, value: GGUFBuilder.Value) throws {
        _ = try refused { $0.set(key, value) }
    }

    @Test(arguments: [
        "general.architecture", "llama.block_count", "llama.embedding_length", "llama.feed_forward_length",
        "llama.attention.head_count", "llama.context_length", "llama.attention.layer_norm_rms_epsilon",
        "llama.vocab_size",
    ])
    func `a missing key is named`(key: String) throws {
        guard case .missingKey(_, key)? = try refused({ $0.set(key, nil) }) else { return #expect(Bool(false)) }
    }
}
