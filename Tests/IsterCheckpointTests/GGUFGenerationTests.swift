import IsterCheckpoint
import Testing

@Suite struct `Generation defaults of GGUF files` {
    /// Writes a llama of eight tokens.
    private func write(to folder: TemporaryFolder, _ change: (inout GGUFBuilder) -> Void) throws -> String {
        var builder = GGUFBuilder.tiny(vocabulary: 8)
        change(&builder)
        return try folder.write("x.gguf", builder.file)
    }

    private func open(_ change: (inout GGUFBuilder) -> Void) throws -> Checkpoint {
        let folder = try TemporaryFolder()
        return try Checkpoint.open(path: write(to: folder, change))
    }

    private func setTokens(_ builder: inout GGUFBuilder, _ tokens: [String], _ types: [Int32]) {
        builder.set("tokenizer.ggml.model", .string("gpt2"))
        builder.set("tokenizer.ggml.tokens", .strings(tokens))
        builder.set("tokenizer.ggml.token_type", .integers(types))
        builder.set("tokenizer.ggml.eos_token_id", .u32(2))
    }

    @Test func `control and user-defined tokens that end a turn by their spelling end a text, too`() throws {
        let tokens = [
            "a", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|im_start|>", "</s>",
        ]
        let all = try open { setTokens(&$0, tokens, [1, 4, 3, 3, 3, 3, 3, 3]) }
        #expect(all.generation.eosIDs == [2, 1, 3, 4, 5])
        // Normal, unused and byte tokens are text whatever they spell.
        let none = try open { setTokens(&$0, tokens, [1, 1, 3, 5, 6, 2, 3, 3]) }
        #expect(none.generation.eosIDs == [2])
        // One spelling counts once, and only ids that have logits count.
        let many = Array(repeating: "<|im_end|>", count: 100)
        #expect(
            try open { setTokens(&$0, ["a"] + many, [Int32](repeating: 4, count: 101)) }.generation.eosIDs == [2, 1])
        let beyond = Array(repeating: "a", count: 8) + ["<|im_end|>"]
        #expect(try open { setTokens(&$0, beyond, [Int32](repeating: 4, count: 9)) }.generation.eosIDs == [2])
    }

    @Test func `what a converter keeps of generation_config.json is read, other sampling is named`() throws {
        let checkpoint = try open {
            $0.set("general.sampling.temp", .f32(0.6))
            $0.set("general.sampling.top_k", .i32(50))
            $0.set("general.sampling.top_p", .f32(0.9))
            $0.set("general.sampling.min_p", .f32(0.05))
            $0.set("general.sampling.penalty_repeat", .f32(1.1))
            $0.set("general.sampling.mirostat", .i32(2))
        }
        var expected = GenerationDefaults()
        expected.temperature = 0.6
        expected.topK = 50
        expected.topP = 0.9
        expected.minP = 0.05
        expected.repetitionPenalty = 1.1
        #expect(checkpoint.generation == expected)
        #expect(checkpoint.unknownKeys == ["general.sampling.mirostat"])
    }

    @Test(
        arguments: [
            ("temp", .f32(-1)), ("top_k", .i32(-2)), ("top_p", .f32(0)), ("top_p", .f32(1.5)), ("min_p", .f32(2)),
            ("penalty_repeat", .f32(0)), ("temp", .f32(.nan)),
        ] as [(String, GGUFBuilder.Value)])
    func `sampling out of range is refused by its key`(name: String, value: GGUFBuilder.Value) throws {
        let key = "general.sampling." + name
        let folder = try TemporaryFolder()
        let path = try write(to: folder) { $0.set(key, value) }
        guard case .settingOutOfRange(path, key, _, _)? = refusal(path) else {
            return #expect(Bool(false), "\(key) was not refused by name")
        }
    }

    @Test func `a padding id without a token is dropped, another id is refused`() throws {
        #expect(try open { $0.set("tokenizer.ggml.padding_token_id", .u32(7)) }.generation.padID == 7)
        for id in [8, UInt32.max] {
            #expect(try open { $0.set("tokenizer.ggml.padding_token_id", .u32(id)) }.generation.padID == nil)
        }
        let folder = try TemporaryFolder()
        let path = try write(to: folder) { $0.set("tokenizer.ggml.eos_token_id", .u32(8)) }
        guard case .settingOutOfRange? = refusal(path) else { return #expect(Bool(false)) }
    }
}
