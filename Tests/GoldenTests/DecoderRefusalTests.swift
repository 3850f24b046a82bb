import IsterDecoder
import IsterModelFile
import IsterQuantizer
import Testing

@Suite struct DecoderRefusalTests {
    private static func slice(_ tokens: [Int32], sequence: Int = 0) -> TokenSlice {
        TokenSlice(sequence: sequence, tokens: tokens, logits: .last)
    }

    @Test func `a refused call leaves the sequence as it was`() throws {
        let model = try ConvertedModel("stories260K", .q8)
        let decoder = try model.decoder {
            $0.contextLength = 20
            $0.batchRows = 16
        }
        try decoder.forward([Self.slice([1, 2, 3])])
        let before = decoder.copyLogits(row: 0)
        let refusals: [([TokenSlice], DecoderError)] = [
            ([Self.slice([512])], .tokenOutOfRange(found: 512, vocabularySize: 512)),
            ([Self.slice([-1])], .tokenOutOfRange(found: -1, vocabularySize: 512)),
            ([Self.slice([1], sequence: 1)], .sequenceOutOfRange(found: 1, count: 1)),
            ([Self.slice([1]), Self.slice([1])], .repeatedSequence(sequence: 0)),
            ([Self.slice(Array(repeating: 1, count: 17))], .batchTooLarge(rows: 17, batchRows: 16)),
            ([Self.slice(Array(repeating: 1, count: 18))], .contextFull(needed: 21, contextLength: 20)),
        ]
        for (slices, expected) in refusals {
            #expect(throws: expected) { try decoder.forward(slices) }
        }
        #expect(decoder.length(ofSequence: 0) == 3)
        decoder.reset(sequence: 0)
        try decoder.forward([Self.slice([1, 2, 3])])
        #expect(decoder.copyLogits(row: 0) == before)
    }

    /// A model in which token 5, and no other, makes values overflow: only its embedding has a first element, and the
    /// first layer's value matrix multiplies that one by 3e38.
    private static func overflowing() throws -> ModelFile {
        let fixture = try ConversionFixture("stories260K")
        var bytes = try fixture.bytes(fixture.source + "/model.safetensors")
        func set(_ name: String, column: Int, to value: (_ row: Int) -> Float) throws {
            let tensor = try fixture.tensor(name)
            for row in 0..<tensor.values.count / 64 {
                let at = tensor.start + (row * 64 + column) * 4
                for byte in 0..<4 {
                    bytes[at + byte] = UInt8(truncatingIfNeeded: value(row).bitPattern >> UInt32(8 * byte))
                }
            }
        }
        try set("model.embed_tokens.weight", column: 0) { $0 == 5 ? 10 : 0 }
        try set("model.layers.0.self_attn.v_proj.weight", column: 0) { _ in 3e38 }
        try fixture.write(bytes, to: "source/model.safetensors")
        _ = try Conversion(source: fixture.source, output: fixture.output, preset: .f32).run()
        return try ModelFile.open(path: fixture.output)
    }

    /// Token 5 stands in the block, or the ring's part, that the next tokens are written to.
    @Test(arguments: [nil, 6])
    func `a call that overflowed leaves its sequences as they were`(cacheBlockCount: Int?) throws {
        let file = try Self.overflowing()
        var options = DecoderOptions()
        options.threads = 1
        options.sequenceCount = 2
        options.cacheBlockCount = cacheBlockCount
        let decoder = try Decoder(file, options: options)
        if cacheBlockCount != nil {
            for sequence in 0..<2 {
                try decoder.assign(blocks: sequence == 0 ? [3, 1] : [0, 4], toSequence: sequence, from: 0)
            }
        }
        let ids = (10..<30).map { Int32($0) }
        try decoder.forward([Self.slice(Array(ids[..<3]))])
        try decoder.forward([Self.slice(Array(ids[3...]))])
        let expected = decoder.copyLogits(row: 0)
        try decoder.forward([Self.slice(Array(ids[..<3]), sequence: 1)])
        let before = decoder.length(ofSequence: 0)
        for selection in [LogitSelection.last, .all, .states] {
            #expect(throws: DecoderError.notFinite) {
                try decoder.forward([
                    TokenSlice(sequence: 1, tokens: [1, 5] + ids, logits: selection), Self.slice([1]),
                ])
            }
        }
        #expect(decoder.length(ofSequence: 0) == before)
        #expect(decoder.length(ofSequence: 1) == 3)
        try decoder.forward([Self.slice(Array(ids[3...]), sequence: 1)])
        #expect(decoder.copyLogits(row: 0) == expected)
    }

    @Test func `an unknown instruction set is refused by name`() throws {
        let model = try ConvertedModel("stories260K", .q8)
        #expect(
            throws: DecoderError.instructionSetUnavailable(
                name: "mmx", available: Machine.availableInstructionSets)
        ) { try model.decoder { $0.instructionSet = "mmx" } }
    }

    @Test(arguments: [0, -1, 5000])
    func `options out of range are refused`(value: Int) throws {
        let model = try ConvertedModel("stories260K", .q8)
        #expect(throws: DecoderError.invalidOption(name: "sequence count", found: value, needed: "1 to 4096")) {
            try model.decoder { $0.sequenceCount = value }
        }
    }
}

@Suite struct ThreadBudgetTests {
    @Test func `the least of cores, affinity and quota decides, rounded down`() {
        func count(affinity: Int, cores: Int, quota: Double?, requested: Int? = nil) -> Int {
            ThreadBudget.decide(
                requested: requested, allowed: ProcessorCount(processors: affinity, cores: cores),
                online: ProcessorCount(processors: 96, cores: 48), quota: quota
            ).count
        }
        #expect(count(affinity: 96, cores: 48, quota: nil) == 48)
        #expect(count(affinity: 96, cores: 48, quota: 7.65) == 7)
        #expect(count(affinity: 2, cores: 2, quota: nil) == 2)
        #expect(count(affinity: 2, cores: 2, quota: 0.5) == 1)
        #expect(count(affinity: 2, cores: 2, quota: 1, requested: 8) == 8)
    }

    @Test func `the reason names what decided`() {
        func reason(_ allowed: (Int, Int), of online: (Int, Int), quota: Double? = nil) -> String {
            ThreadBudget.decide(
                requested: nil, allowed: ProcessorCount(processors: allowed.0, cores: allowed.1),
                online: ProcessorCount(processors: online.0, cores: online.1), quota: quota
            ).reason
        }
        #expect(reason((8, 4), of: (8, 4)) == "4 physical cores")
        #expect(reason((1, 1), of: (1, 1)) == "1 physical core")
        // A hyperthread is missing, but no core.
        #expect(reason((7, 4), of: (8, 4)) == "4 physical cores")
        #expect(
            reason((4, 2), of: (64, 32))
                == "2 of 32 physical cores, since affinity or a cpuset allows 4 of 64 processors")
        #expect(reason((8, 8), of: (8, 8), quota: 1.5).contains("quota of 1.5 processors"))
    }
}
