import IsterDecoder
import IsterQuantizer
import Testing

@Suite struct PagedCacheTests {
    static let models = ["mistral-sliding-window", "mistral-no-window", "stories260K"]

    /// A text longer than the window, where there is one, and than several blocks.
    private static func text(_ name: String) throws -> [Int32] {
        let reference = try Reference(fixture: name)
        return Array((reference.inputIDs + reference.greedyContinuation + reference.inputIDs).prefix(75))
    }

    @Test(arguments: models, CacheFormat.allCases)
    func `logits do not depend on where blocks lie`(name: String, format: CacheFormat) throws {
        let ids = try Self.text(name)
        let model = try ConvertedModel(name, .q8)
        let expected = try model.decoder { $0.cacheFormat = format }.append(ids[...], chunk: 512)
        let blocks = shuffledBlocks(3 * blockCount(ids.count))
        for threads in [1, 2, 3] {
            let decoder = try model.paged(positions: ids.count) {
                $0.cacheFormat = format
                $0.threads = threads
                $0.populatesCache = threads == 2
            }
            for (sequence, chunk) in [(0, 512), (1, 1), (2, 7)] {
                let own = Array(blocks.dropFirst(sequence * blockCount(ids.count)).prefix(blockCount(ids.count)))
                try decoder.assign(blocks: own, toSequence: sequence, from: 0)
                let found = try decoder.append(ids[...], chunk: chunk, sequence: sequence)
                #expect(found == expected, "\(threads) threads, chunks of \(chunk)")
            }
        }
    }

    /// Three sequences in one call: a prompt, one token a call, and runs of another length. Blocks come one by one.
    @Test(arguments: models, Preset.allCases)
    func `a mixed batch over shared blocks gives the logits of each alone`(name: String, preset: Preset) throws {
        let ids = try Self.text(name)
        let model = try ConvertedModel(name, preset)
        let texts = [ids, Array(ids.dropFirst(9)), Array(ids.dropFirst(20))]
        let expected = try texts.map { try model.decoder().append($0[...], chunk: 512) }
        let decoder = try model.paged(positions: ids.count) { $0.threads = 2 }
        var free = shuffledBlocks(decoder.blockCount)
        var lengths = [0, 0, 0]
        for chunks in [[33, 1, 5], [1, 1, 16], [2, 1, 3], [0, 1, 1], [20, 1, 20], [19, 55, 10]] {
            var slices: [TokenSlice] = []
            var wanted: [[UInt32]] = []
            for sequence in [2, 0, 1] {
                let range = lengths[sequence]..<min(lengths[sequence] + chunks[sequence], texts[sequence].count)
                for index in blockCount(range.lowerBound)..<blockCount(range.upperBound) {
                    let block = free.removeLast()
                    try decoder.assign(blocks: [block], toSequence: sequence, from: index)
                }
                let tokens = Array(texts[sequence][range])
                slices.append(TokenSlice(sequence: sequence, tokens: tokens, logits: sequence == 1 ? .all : .last))
                wanted += sequence == 1 ? expected[1][range] : expected[sequence][range].suffix(1)
                lengths[sequence] = range.upperBound
            }
            try decoder.forward(slices)
            #expect(decoder.logitBits == wanted, "\(lengths)")
        }
        #expect(lengths[0] == ids.count)
    }

    @Test(arguments: models, CacheFormat.allCases)
    func `a prefix in shared blocks gives the logits of a cold start`(name: String, format: CacheFormat) throws {
        let ids = try Self.text(name)
        let model = try ConvertedModel(name, .q8)
        let decoder = try model.paged(positions: ids.count) { $0.cacheFormat = format }
        let blocks = shuffledBlocks(decoder.blockCount)
        let count = blockCount(ids.count)
        try decoder.assign(blocks: Array(blocks[..<count]), toSequence: 0, from: 0)
        let cold = try decoder.append(ids[...], chunk: 512)
        // Another text behind the prefix, at the same time as the first goes on.
        let shared = 3 * Decoder.blockPositions
        let other = Array(ids[..<shared] + ids.reversed().prefix(20))
        try decoder.assign(blocks: Array(blocks[..<3] + blocks[count..<2 * count - 3]), toSequence: 1, from: 0)
        try decoder.begin(sequence: 1, length: shared)
        #expect(decoder.length(ofSequence: 1) == shared)
        let warm = try decoder.append(other[shared...], chunk: 6, sequence: 1)
        let alone = try model.decoder { $0.cacheFormat = format }.append(other[...], chunk: 512)
        #expect(warm == Array(alone[shared...]))
        // The first text once more, from the cache, into blocks of its own.
        try decoder.assign(blocks: Array(blocks[..<3] + blocks[(2 * count)...].prefix(2)), toSequence: 2, from: 0)
        try decoder.begin(sequence: 2, length: shared)
        #expect(try decoder.append(ids[shared...], chunk: 512, sequence: 2) == Array(cold[shared...]))
    }

    @Test func `a text can be cut back anywhere, past its window too`() throws {
        let ids = try Self.text("mistral-sliding-window")
        let model = try ConvertedModel("mistral-sliding-window", .q8)
        let decoder = try model.paged(positions: ids.count)
        try decoder.assign(blocks: shuffledBlocks(blockCount(ids.count)), toSequence: 0, from: 0)
        let expected = try decoder.append(ids[...], chunk: 512)
        #expect(decoder.truncate(sequence: 0, to: 30))
        #expect(try decoder.append(ids[30...], chunk: 3) == Array(expected[30...]))
    }

    /// Window 13: blocks go as soon as they lie behind it, and their keys and values are overwritten.
    @Test(arguments: Machine.availableInstructionSets, CacheFormat.allCases)
    func `blocks behind every window can be used again`(instructionSet: String, format: CacheFormat) throws {
        let ids = try Self.text("mistral-sliding-window")
        let model = try ConvertedModel("mistral-sliding-window", .q8)
        func change(_ options: inout DecoderOptions) {
            options.instructionSet = instructionSet
            options.cacheFormat = format
        }
        let expected = try model.decoder(change).append(ids[...], chunk: 512)
        let decoder = try model.decoder {
            change(&$0)
            $0.cacheBlockCount = 3
        }
        // Three blocks hold 75 positions: chunks of 7 see at most 13 + 7 - 1 of them.
        var found: [[UInt32]] = []
        for start in stride(from: 0, to: ids.count, by: 7) {
            let end = min(start + 7, ids.count)
            let behind = decoder.positionsBehindWindows(length: start) / Decoder.blockPositions
            try decoder.assign(blocks: Array(repeating: -1, count: behind), toSequence: 0, from: 0)
            for index in blockCount(start)..<blockCount(end) {
                try decoder.assign(blocks: [Int32(index % 3)], toSequence: 0, from: index)
            }
            found += try decoder.append(ids[start..<end], chunk: 7)
        }
        #expect(found == expected)
        #expect(decoder.positionsBehindWindows(length: 75) == 63)
        #expect(decoder.positionsBehindWindows(length: 12) == 0)
    }

    @Test func `a model without a window keeps every position`() throws {
        let decoder = try ConvertedModel("stories260K", .q8).decoder()
        #expect(decoder.positionsBehindWindows(length: 500) == 0)
    }
}
