import Foundation
import IsterCheckpoint
import Testing

@Suite struct `Safetensors folders` {
    private func refusedWeights(
        sourceLocation: SourceLocation = #_sourceLocation, _ change: (inout SafetensorsBuilder) -> Void
    ) throws -> CheckpointError? {
        let folder = try TemporaryFolder()
        var weights = TinyFolder().weights
        change(&weights)
        try folder.write("config.json", TinyFolder().config)
        try folder.write("model.safetensors", weights.file())
        return refusal(folder.path, sourceLocation: sourceLocation)
    }

    private func refusedFile(
        _ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> CheckpointError? {
        let folder = try TemporaryFolder()
        try folder.write("config.json", TinyFolder().config)
        try folder.write("model.safetensors", bytes)
        return refusal(folder.path, sourceLocation: sourceLocation)
    }

    @Test func `tensors come in the order of a forward pass`() throws {
        let folder = try TemporaryFolder()
        let names = try Checkpoint.open(path: TinyFolder().write(to: folder)).tensors.map(\.name)
        #expect(names.first == "model.embed_tokens.weight" && names.last == "lm_head.weight" && names.count == 21)
        #expect(
            names[1] == "model.layers.0.input_layernorm.weight" && names[5] == "model.layers.0.self_attn.o_proj.weight")
    }

    @Test(arguments: ["F32", "F16", "BF16"])
    func `every bit pattern of a stored type is read exactly`(type: String) throws {
        // 256 x 256 embeddings hold each 16-bit pattern once; NaN and infinity are replaced.
        var tiny = TinyFolder(hidden: 256, headWidth: 64, vocabulary: 256)
        tiny.type = type == "F32" ? "F32" : "BF16"
        var weights = tiny.weights
        var expected: [Float] = []
        var data: [UInt8] = []
        for pattern in UInt16.min...UInt16.max {
            var value: Float
            switch type {
            case "F16": value = Float(Float16(bitPattern: pattern))
            case "BF16": value = Float(bitPattern: UInt32(pattern) << 16)
            default: value = Float(bitPattern: UInt32(pattern) &* 65_537 &+ 3)
            }
            let isUsable = value.isFinite
            if !isUsable { value = 1.5 }
            expected.append(value)
            switch type {
            case "F16": data += (isUsable ? pattern : Float16(1.5).bitPattern).bytes
            case "BF16": data += (isUsable ? pattern : UInt16(0x3FC0)).bytes
            default: data += value.bitPattern.bytes
            }
        }
        weights.tensors[0].type = type
        weights.tensors[0].data = data
        let folder = try TemporaryFolder()
        try folder.write("config.json", tiny.config)
        try folder.write("model.safetensors", weights.file())
        let checkpoint = try Checkpoint.open(path: folder.path)
        let values = try checkpoint.values(of: checkpoint.tensors[0])
        #expect(values.map(\.bitPattern) == expected.map(\.bitPattern))
    }

    @Test func `a range of rows is that part of the whole`() throws {
        let folder = try TemporaryFolder()
        var tiny = TinyFolder()
        tiny.type = "F32"
        var weights = tiny.weights
        weights.tensors[0].data = (0..<192).flatMap { Float($0).bitPattern.bytes }
        try folder.write("config.json", tiny.config)
        try folder.write("model.safetensors", weights.file())
        let checkpoint = try Checkpoint.open(path: folder.path)
        var rows = [Float](repeating: 0, count: 48)
        try unsafe rows.withUnsafeMutableBufferPointer {
            try unsafe checkpoint.read(checkpoint.tensors[0], rows: 5..<8, into: $0)
        }
        #expect(rows == (80..<128).map(Float.init))
    }

    @Test(arguments: [(Float.nan, 7, 3), (Float.infinity, 0, 0), (-Float.infinity, 11, 15)])
    func `NaN and infinity are refused with their place`(value: Float, row: Int, column: Int) throws {
        let folder = try TemporaryFolder()
        let tiny = TinyFolder()
        var weights = tiny.weights
        let start = (row * 16 + column) * 2
        weights.tensors[0].data.replaceSubrange(start..<start + 2, with: UInt16(value.bitPattern >> 16).bytes)
        try folder.write("config.json", tiny.config)
        try folder.write("model.safetensors", weights.file())
        let checkpoint = try Checkpoint.open(path: folder.path)
        #expect(
            throws: CheckpointError.notFinite(
                tensor: "model.embed_tokens.weight", row: row, column: column, found: "\(value)")
        ) {
            try checkpoint.values(of: checkpoint.tensors[0])
        }
    }

    @Test func `a header length of 2^63 is refused`() throws {
        guard
            case .malformed(_, "the header length", "9223372036854775808", _)? = try refusedFile(
                TinyFolder().weights.file(headerLength: 1 << 63))
        else { return #expect(Bool(false)) }
        guard case .malformed? = try refusedFile(TinyFolder().weights.file(headerLength: .max)) else {
            return #expect(Bool(false))
        }
        guard case .truncated? = try refusedFile(TinyFolder().weights.file(headerLength: 90_000_000)) else {
            return #expect(Bool(false))
        }
    }

    @Test func `overlap, gap, excess and offsets past the end are refused`() throws {
        for offsets in [
            [0, 384], [100, 612], [512, 1024], [1 << 40, 1 << 40 + 512], [.max - 511, .max], [512, 0],
        ] {
            guard case .badTensorExtent? = try refusedWeights({ $0.tensors[1].offsets = offsets }) else {
                return #expect(Bool(false), "\(offsets)")
            }
        }
        guard
            case .malformed(_, "the end of the last tensor", _, _)? = try refusedFile(TinyFolder().weights.file() + [0])
        else { return #expect(Bool(false)) }
    }

    @Test func `shapes that overflow or disagree with the data are refused`() throws {
        for shape in [[16, 17], [1 << 62, 1 << 62], [.max, 2], [-1, 16], [1, 1, 1, 1, 1, 1, 1, 1, 256]] {
            guard case .badTensorExtent? = try refusedWeights({ $0.tensors[1].shape = shape }) else {
                return #expect(Bool(false), "\(shape)")
            }
        }
    }

    @Test func `a tensor of another shape than the configuration's is refused`() throws {
        let error = try refusedWeights { $0.tensors[1].shape = [8, 32] }
        #expect(
            error
                == .wrongTensorShape(tensor: "model.layers.0.self_attn.q_proj.weight", found: [8, 32], need: [16, 16]))
    }

    @Test func `missing, unexpected and duplicate tensors are named`() throws {
        #expect(try refusedWeights { $0.tensors.removeLast() } == .missingTensor(tensor: "lm_head.weight"))
        #expect(
            try refusedWeights { $0.add("model.extra.weight", [4]) }
                == .unexpectedTensors(names: ["model.extra.weight"]))
        guard
            case .json(_, .duplicateKey(_, "model.norm.weight"))? = try refusedWeights({
                $0.add("model.norm.weight", [16])
            })
        else { return #expect(Bool(false)) }
    }

    @Test func `rotary buffers are tolerated, other types than weights are not`() throws {
        let folder = try TemporaryFolder()
        var weights = TinyFolder().weights
        weights.add("model.layers.0.self_attn.rotary_emb.inv_freq", [2])
        try folder.write("config.json", TinyFolder().config)
        try folder.write("model.safetensors", weights.file())
        #expect(try Checkpoint.open(path: folder.path).tensors.count == 21)
        guard
            case .unsupportedTensorType(_, "model.embed_tokens.weight", "I16", _)? = try refusedWeights({
                $0.tensors[0].type = "I16"
            })
        else { return #expect(Bool(false)) }
        guard case .badTensorExtent? = try refusedWeights({ $0.tensors[0].type = "X7" }) else {
            return #expect(Bool(false))
        }
    }

    @Test func `a stored tied head must equal the embedding`() throws {
        var tiny = TinyFolder(extra: ["\"tie_word_embeddings\": true"])
        tiny.tied = true
        for (value, isEqual) in [(Float(1), true), (2, false)] {
            let folder = try TemporaryFolder()
            var weights = tiny.weights
            weights.add("lm_head.weight", [12, 16], type: "BF16", value: value)
            try folder.write("config.json", tiny.config)
            try folder.write("model.safetensors", weights.file())
            if isEqual {
                #expect(try Checkpoint.open(path: folder.path).tensors.count == 20)
            } else {
                #expect(refusal(folder.path) == .untiedHead(path: folder.path + "/config.json"))
            }
        }
    }

    @Test func `a folder without config, without weights, or that is not there is refused`() throws {
        let folder = try TemporaryFolder()
        guard case .notFound? = refusal(folder.path) else { return #expect(Bool(false)) }
        try folder.write("config.json", TinyFolder().config)
        guard case .notFound? = refusal(folder.path) else { return #expect(Bool(false)) }
        #expect(refusal(folder.path + "/nothing")?.kind == .notFound)
    }

    @Test func `a pipe or a folder in place of a file does not block`() throws {
        let folder = try TemporaryFolder()
        try folder.write("config.json", TinyFolder().config)
        #expect(unsafe mkfifo(folder.path + "/model.safetensors", 0o600) == 0)
        let error = refusal(folder.path)
        guard case .notRegularFile? = error else { return #expect(Bool(false)) }
        #expect(error?.kind == .notFound)
    }
}

@Suite struct `Reading from several threads` {
    @Test func `threads that share a checkpoint read what one thread reads`() async throws {
        let checkpoint = try Checkpoint.open(path: goldenPath("tiny.gguf"))
        let expected = try checkpoint.tensors.map { try checkpoint.values(of: $0) }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<20).allSatisfy { _ in
                        (try? checkpoint.tensors.map { try checkpoint.values(of: $0) }) == expected
                    }
                }
            }
            for await isEqual in group { #expect(isEqual) }
        }
    }
}
