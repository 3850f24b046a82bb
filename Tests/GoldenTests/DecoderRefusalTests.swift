import IsterDecoder
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
            ThreadBudget.decide(requested: requested, affinity: affinity, physicalCores: cores, quota: quota).count
        }
        #expect(count(affinity: 96, cores: 48, quota: nil) == 48)
        #expect(count(affinity: 96, cores: 48, quota: 7.65) == 7)
        #expect(count(affinity: 2, cores: 4, quota: nil) == 2)
        #expect(count(affinity: 2, cores: 2, quota: 0.5) == 1)
        #expect(count(affinity: 2, cores: 2, quota: 1, requested: 8) == 8)
        #expect(ThreadBudget.decide(requested: nil, affinity: 8, physicalCores: 8, quota: 1.5).reason.contains("1.5"))
    }
}
