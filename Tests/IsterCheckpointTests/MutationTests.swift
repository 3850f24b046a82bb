import IsterCheckpoint
import Testing

/// Whatever the bytes, a checkpoint opens or is refused; a trap would end the test process.
@Suite struct `Damaged files` {
    /// Opens and, when that works, reads everything: damage inside weights is no error unless it is not finite.
    private func exercise(_ path: String) -> CheckpointError? {
        do throws(CheckpointError) {
            let checkpoint = try Checkpoint.open(path: path)
            for tensor in checkpoint.tensors { _ = try checkpoint.values(of: tensor) }
            return nil
        } catch {
            return error
        }
    }

    @Test func `every truncation of a GGUF file is refused`() throws {
        let folder = try TemporaryFolder()
        var builder = GGUFBuilder.tiny()
        builder.set("tokenizer.ggml.model", .string("llama"))
        builder.set("tokenizer.ggml.tokens", .strings(["<unk>", "<s>", "</s>"]))
        builder.set("tokenizer.ggml.scores", .floats([0, 0, 0]))
        let file = builder.file
        for count in 0..<file.count {
            let path = try folder.write("x.gguf", Array(file[..<count]))
            #expect(exercise(path) != nil, "cut to \(count) of \(file.count) bytes")
        }
        #expect(exercise(try folder.write("x.gguf", file)) == nil)
    }

    @Test func `every truncation of a safetensors file is refused`() throws {
        let folder = try TemporaryFolder()
        let tiny = TinyFolder(hidden: 8, feedForward: 4, layers: 1, heads: 2, keyValueHeads: 1, vocabulary: 3)
        let file = tiny.weights.file()
        try folder.write("config.json", tiny.config)
        for count in 0..<file.count {
            try folder.write("model.safetensors", Array(file[..<count]))
            #expect(exercise(folder.path) != nil, "cut to \(count) of \(file.count) bytes")
        }
        try folder.write("model.safetensors", file)
        #expect(exercise(folder.path) == nil)
    }

    @Test(arguments: 0..<8)
    func `seeded byte changes never trap`(seed: UInt64) throws {
        var random = SeededGenerator(state: seed)
        let folder = try TemporaryFolder()
        let tiny = TinyFolder(hidden: 8, feedForward: 4, layers: 1, heads: 2, keyValueHeads: 1, vocabulary: 3)
        let builder = GGUFBuilder.tiny()
        let (config, weights, gguf) = (Array(tiny.config.utf8), tiny.weights.file(), builder.file)
        let (headerLength, headLength) = (tiny.weights.header.utf8.count + 8, builder.head.count)
        var refusedCount = 0
        for round in 0..<400 {
            let path: String
            switch round % 3 {
            case 0:
                path = folder.path
                try folder.write("config.json", damaged(config, upTo: config.count, &random))
                try folder.write("model.safetensors", weights)
            case 1:
                path = folder.path
                try folder.write("config.json", config)
                try folder.write("model.safetensors", damaged(weights, upTo: headerLength, &random))
            default:
                path = try folder.write("x.gguf", damaged(gguf, upTo: headLength, &random))
            }
            if exercise(path) != nil { refusedCount += 1 }
        }
        // Most damage to a header is seen; a changed letter of an unknown key is not an error.
        #expect(refusedCount > 200)
    }

    /// One to four bytes changed at random or to a value that often matters.
    private func damaged(_ bytes: [UInt8], upTo limit: Int, _ random: inout SeededGenerator) -> [UInt8] {
        var out = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let index = Int.random(in: 0..<min(limit, out.count), using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: out[index] = UInt8.random(in: 0...255, using: &random)
            case 1: out[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: out[index] = [0, 1, 0x7F, 0x80, 0xFF, 0x22, 0x7B, 0x5B][Int.random(in: 0..<8, using: &random)]
            default: out.remove(at: index)
            }
        }
        return out
    }
}
