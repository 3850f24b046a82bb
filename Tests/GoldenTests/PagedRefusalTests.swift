import IsterDecoder
import IsterQuantizer
import Testing

@Suite struct PagedRefusalTests {
    private static func slice(_ tokens: [Int32], sequence: Int = 0) -> TokenSlice {
        TokenSlice(sequence: sequence, tokens: tokens, logits: .last)
    }

    @Test func `blocks and entries that do not exist are refused by name`() throws {
        let decoder = try ConvertedModel("stories260K", .q8).decoder {
            $0.contextLength = 40
            $0.cacheBlockCount = 5
        }
        #expect(decoder.blockCount == 5)
        let refusals: [([Int32], Int, Int, DecoderError)] = [
            ([5], 0, 0, .blockOutOfRange(found: 5, count: 5)), ([0, -2], 0, 0, .blockOutOfRange(found: -2, count: 5)),
            ([0, 1], 0, 2, .tableOutOfRange(from: 2, count: 2, length: 3)),
            ([], 0, 4, .tableOutOfRange(from: 4, count: 0, length: 3)),
            ([1], 0, -1, .tableOutOfRange(from: -1, count: 1, length: 3)),
            ([1], 1, 0, .sequenceOutOfRange(found: 1, count: 1)),
            ([1], -1, 0, .sequenceOutOfRange(found: -1, count: 1)),
        ]
        for (blocks, sequence, index, expected) in refusals {
            #expect(throws: expected) { try decoder.assign(blocks: blocks, toSequence: sequence, from: index) }
        }
        for index in [Int.max, Int.min] {
            #expect(throws: DecoderError.tableOutOfRange(from: index, count: 2, length: 3)) {
                try decoder.assign(blocks: [1, 2], toSequence: 0, from: index)
            }
        }
        #expect(throws: DecoderError.blockNotAssigned(sequence: 0, position: 0)) {
            try decoder.forward([Self.slice([1])])
        }
    }

    @Test func `a position without a block is refused and nothing changes`() throws {
        let decoder = try ConvertedModel("stories260K", .q8).decoder {
            $0.contextLength = 40
            $0.cacheBlockCount = 5
        }
        try decoder.assign(blocks: [3, 1], toSequence: 0, from: 0)
        let ids = Array(repeating: Int32(7), count: 33)
        #expect(throws: DecoderError.blockNotAssigned(sequence: 0, position: 32)) {
            try decoder.forward([Self.slice(ids)])
        }
        #expect(decoder.length(ofSequence: 0) == 0)
        try decoder.forward([Self.slice(Array(ids.prefix(32)))])
        try decoder.assign(blocks: [-1], toSequence: 0, from: 0)
        try decoder.assign(blocks: [2], toSequence: 0, from: 2)
        #expect(throws: DecoderError.blockNotAssigned(sequence: 0, position: 0)) {
            try decoder.forward([Self.slice([7])])
        }
        try decoder.assign(blocks: [3], toSequence: 0, from: 0)
        try decoder.forward([Self.slice([7])])
        #expect(decoder.length(ofSequence: 0) == 33)
        decoder.reset(sequence: 0)
        #expect(throws: DecoderError.blockNotAssigned(sequence: 0, position: 0)) {
            try decoder.forward([Self.slice([7])])
        }
    }

    @Test func `a sequence begins only where its blocks reach`() throws {
        let decoder = try ConvertedModel("stories260K", .q8).decoder {
            $0.contextLength = 40
            $0.cacheBlockCount = 5
        }
        try decoder.assign(blocks: [0, 4], toSequence: 0, from: 0)
        try decoder.begin(sequence: 0, length: 32)
        #expect(throws: DecoderError.blockNotAssigned(sequence: 0, position: 32)) {
            try decoder.begin(sequence: 0, length: 33)
        }
        for length in [-1, 41] {
            #expect(throws: DecoderError.invalidOption(name: "length", found: length, needed: "0 to 40")) {
                try decoder.begin(sequence: 0, length: length)
            }
        }
        #expect(throws: DecoderError.sequenceOutOfRange(found: 2, count: 1)) {
            try decoder.begin(sequence: 2, length: 0)
        }
        #expect(decoder.length(ofSequence: 0) == 32)
    }

    @Test func `only a paged cache takes blocks`() throws {
        let decoder = try ConvertedModel("stories260K", .q8).decoder()
        #expect(decoder.blockCount == 0)
        #expect(throws: DecoderError.cacheNotPaged) { try decoder.assign(blocks: [0], toSequence: 0, from: 0) }
        #expect(throws: DecoderError.cacheNotPaged) { try decoder.begin(sequence: 0, length: 0) }
        #expect(throws: DecoderError.invalidOption(name: "cache block count", found: 0, needed: "1 to 16777216")) {
            try ConvertedModel("stories260K", .q8).decoder { $0.cacheBlockCount = 0 }
        }
    }
}
