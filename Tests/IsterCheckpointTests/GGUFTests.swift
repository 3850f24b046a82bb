import Foundation
import IsterCheckpoint
import Testing

private func fnv(_ values: [Float]) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for value in values { hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01B3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

@Suite struct `GGUF files` {
    @Test(
        arguments: [
            ("Q4_0", 2), ("Q4_1", 3), ("Q5_0", 6), ("Q5_1", 7), ("Q8_0", 8), ("Q4_K", 12), ("Q5_K", 13), ("Q6_K", 14),
        ] as [(String, UInt32)])
    func `blocks expand to the bits of the package gguf`(name: String, type: UInt32) throws {
        // Three rows of 256: random bits, with scales that are negative, subnormal and the largest half.
        let folder = try TemporaryFolder()
        let builder = GGUFBuilder.tiny(
            hidden: 256, heads: 64, keyValueHeads: 1, feedForward: 1, embedding: (type, try golden(name + ".blocks")))
        let checkpoint = try Checkpoint.open(path: folder.write("x.gguf", builder.file))
        let tensor = checkpoint.tensors[0]
        #expect(tensor.type.rawValue == name && tensor.byteCount == builder.tensors[0].data.count)
        let bits = try checkpoint.values(of: tensor).map(\.bitPattern)
        let expected = try golden(name + ".values")
        #expect(bits.flatMap(\.bytes) == expected)
        // One row alone is the same row.
        var row = [Float](repeating: 0, count: 256)
        try unsafe row.withUnsafeMutableBufferPointer { try unsafe checkpoint.read(tensor, rows: 2..<3, into: $0) }
        #expect(row.map(\.bitPattern) == Array(bits[512...]))
    }

    @Test(arguments: [("Q4_0", 2, 8), ("Q8_0", 8, 128)] as [(String, UInt32, Int)])
    func `groups are the blocks' own scales and integers`(name: String, type: UInt32, bias: Int) throws {
        let folder = try TemporaryFolder()
        let blocks = try golden(name + ".blocks")
        let builder = GGUFBuilder.tiny(
            hidden: 256, heads: 64, keyValueHeads: 1, feedForward: 1, embedding: (type, blocks))
        let checkpoint = try Checkpoint.open(path: folder.write("x.gguf", builder.file))
        let groups = try checkpoint.readGroups(checkpoint.tensors[0], rows: 0..<3)
        let values = groups.codes.indices.map {
            Float(Float16(bitPattern: groups.scales[$0 / 32])) * Float(Int(groups.codes[$0]) - bias)
        }
        #expect(try values.flatMap { $0.bitPattern.bytes } == golden(name + ".values"))
        // Random bits have -128, too.
        #expect(groups.codes.contains(0))
        let last = try checkpoint.readGroups(checkpoint.tensors[0], rows: 2..<3)
        #expect(last.codes == Array(groups.codes[512...]) && last.scales == Array(groups.scales[16...]))
    }

    @Test(arguments: [("Q4_0", 2), ("Q8_0", 8)] as [(String, UInt32)])
    func `a group's scale that is not finite is refused with its place`(name: String, type: UInt32) throws {
        let folder = try TemporaryFolder()
        var blocks = try golden(name + ".blocks")
        // The third row's second block: minus infinity.
        blocks.replaceSubrange(blocks.count / 24 * 17..<blocks.count / 24 * 17 + 2, with: [0, 0xFC])
        let builder = GGUFBuilder.tiny(
            hidden: 256, heads: 64, keyValueHeads: 1, feedForward: 1, embedding: (type, blocks))
        let checkpoint = try Checkpoint.open(path: folder.write("x.gguf", builder.file))
        let tensor = checkpoint.tensors[0]
        #expect(throws: CheckpointError.notFinite(tensor: tensor.name, row: 2, column: 32, found: "-inf")) {
            _ = try checkpoint.readGroups(tensor, rows: 0..<3)
        }
    }

    @Test func `a file by the package gguf gives Hugging Face's values in Hugging Face's order`() throws {
        let checkpoint = try Checkpoint.open(path: goldenPath("tiny.gguf"))
        guard case .object(let hashes) = try JSONValue.parse(golden("tiny.json")) else { return #expect(Bool(false)) }
        #expect(checkpoint.tensors.count == hashes.entries.count)
        for tensor in checkpoint.tensors {
            #expect(try fnv(checkpoint.values(of: tensor)) == hashes.text(tensor.name), "\(tensor.name)")
        }
        // Rows of a permuted tensor one by one, in an order of ours.
        let query = try #require(checkpoint.tensor(named: "model.layers.0.self_attn.q_proj.weight"))
        let whole = try checkpoint.values(of: query)
        for row in stride(from: query.rows - 1, through: 0, by: -5) {
            var one = [Float](repeating: 0, count: query.columns)
            try unsafe one.withUnsafeMutableBufferPointer {
                try unsafe checkpoint.read(query, rows: row..<row + 1, into: $0)
            }
            #expect(one == Array(whole[row * query.columns..<(row + 1) * query.columns]))
        }
    }

    @Test func `metadata become the same configuration as config.json's`() throws {
        let gguf = try Checkpoint.open(path: goldenPath("tiny.gguf"))
        let expected = ModelConfiguration(
            architecture: .llama, vocabularySize: 48, hiddenWidth: 64, feedForwardWidth: 32, layerCount: 2,
            headCount: 4,
            keyValueHeadCount: 2, headWidth: 16, contextLength: 128, normEpsilon: 1e-5, activation: .silu,
            tiedHead: false, queryKeyValueBias: true, attentionOutputBias: false, feedForwardBias: false,
            slidingWindow: nil, windows: [nil, nil], rotary: .init(theta: 50_000, scaling: .none))
        #expect(gguf.configuration == expected)
        #expect(gguf.generation.eosIDs == [2] && gguf.generation.bosID == 1)
        #expect(gguf.chatTemplate == "{{ messages[0]['content'] }}")
        #expect(gguf.unknownKeys == [])
    }

    private func open(_ change: (inout GGUFBuilder) -> Void) throws -> Checkpoint {
        let folder = try TemporaryFolder()
        var builder = GGUFBuilder.tiny()
        change(&builder)
        return try Checkpoint.open(path: folder.write("x.gguf", builder.file))
    }

    @Test func `optional keys are read`() throws {
        #expect(try open { _ in }.configuration.tiedHead)
        #expect(try open { $0.version = 2 }.configuration.rotary == .init(theta: 10_000, scaling: .none))
        #expect(try open { $0.set("llama.attention.sliding_window", .u32(9)) }.configuration.windows == [9])
        #expect(
            try open {
                $0.set("llama.attention.head_count_kv", nil); $0.tensors[2].dimensions = [8, 8]
                $0.tensors[3].dimensions = [8, 8]; $0.tensors[2].data += $0.tensors[2].data
                $0.tensors[3].data += $0.tensors[3].data
            }.configuration.keyValueHeadCount == 2)
        #expect(
            try open {
                $0.set("llama.rope.scaling.type", .string("linear"))
                $0.set("llama.rope.scaling.factor", .f32(4))
            }.configuration.rotary.scaling == .linear(factor: 4))
        #expect(
            try open {
                $0.set("llama.rope.scaling.type", .string("yarn"))
                $0.set("llama.rope.scaling.factor", .f32(4));
                $0.set("llama.rope.scaling.original_context_length", .u32(16))
            }.configuration.rotary.scaling
                == .yarn(
                    factor: 4, betaFast: 32, betaSlow: 1, originalContext: 16, attentionFactor: nil, truncate: true))
        for key in ["llama.brand_new", "tokenizer.ggml.brand_new"] {
            #expect(try open { $0.set(key, .u32(1)) }.unknownKeys == [key])
        }
        #expect(try open { $0.set("tokenizer.ggml.eot_token_id", .u32(2)) }.unknownKeys == [])
        #expect(try open { $0.set("llama.rope.scaling.attn_factor", .f32(1)) }.configuration.rotary.scaling == .none)
        #expect(
            try open {
                $0.alignment = 64; $0.set("general.alignment", .u32(64))
            }.tensors.count == 11)
    }

    /// Divisors as `convert_hf_to_gguf.py` writes them for Llama 3.2: head width 64, base 500000, factor 32, bounds 1
    /// and 4, original context 8192. Wavelengths up to 2048 keep 1, beyond 8192 the whole factor.
    @Test func `Llama 3's divisors are recognised, others refused`() throws {
        func divisors(_ count: Int, low: Double = 1) -> [Float] {
            (0..<count).map { pair in
                let wavelength = 2 * Double.pi * pow(500_000, Double(pair) / Double(count))
                if wavelength < 2048 { return 1 }
                if wavelength > 8192 / low { return 32 }
                let smooth = (8192 / wavelength - low) / (4 - low)
                return Float(1 / ((1 - smooth) / 32 + smooth))
            }
        }
        func folder(_ divisors: [Float]) throws -> (TemporaryFolder, String) {
            let folder = try TemporaryFolder()
            var builder = GGUFBuilder.tiny(hidden: 64, heads: 1, keyValueHeads: 1)
            builder.set("llama.rope.freq_base", .f32(500_000))
            builder.addZeros("rope_freqs.weight", rows: nil, columns: 32)
            builder.tensors[builder.tensors.count - 1].data = divisors.flatMap { $0.bitPattern.bytes }
            return (folder, try folder.write("x.gguf", builder.file))
        }
        let good = try folder(divisors(32))
        #expect(
            try Checkpoint.open(path: good.1).configuration.rotary
                == .init(
                    theta: 500_000,
                    scaling: .llama3(factor: 32, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192)))
        let ones = try folder(Array(repeating: 1, count: 32))
        #expect(try Checkpoint.open(path: ones.1).configuration.rotary.scaling == .none)
        for wrong in [divisors(32, low: 2), Array(repeating: .nan, count: 32), (0..<32).map { Float($0) }] {
            let bad = try folder(wrong)
            guard case .unsupportedSetting(_, "rope_freqs.weight", _, _)? = refusal(bad.1) else {
                return #expect(Bool(false))
            }
        }
    }
}
