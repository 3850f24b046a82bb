import IsterDecoder
import IsterModelFile
import IsterQuantizer
import Testing

@Suite struct ReferenceTests {
    static let fixtures = [
        "mistral-no-window", "mistral-sliding-window", "llama-rope-linear-bias", "llama-rope-yarn",
        "llama-tied-rope-llama3", "stories260K",
    ]

    /// Chunks: the prompt at once, and token by token, past the window where there is one.
    @Test(arguments: fixtures, [512, 1])
    func `logits equal those of transformers within 2e-4 of the largest`(name: String, chunk: Int) throws {
        let reference = try Reference(fixture: name)
        let model = try ConvertedModel(name, .f32)
        let logits = try model.decoder().allLogits(reference.inputIDs, chunk: chunk)
        try #require(reference.positions.count == reference.logits.count && !reference.logits.isEmpty)
        for (position, expected) in zip(reference.positions, reference.logits) {
            let bound = 2e-4 * (expected.map(abs).max() ?? 0)
            try #require(logits[position].count == expected.count)
            // Also false for what is no number.
            #expect(zip(logits[position], expected).allSatisfy { abs($0 - $1) <= bound }, "position \(position)")
        }
    }

    @Test(arguments: fixtures)
    func `the greedy continuation is that of transformers`(name: String) throws {
        let reference = try Reference(fixture: name)
        let model = try ConvertedModel(name, .f32)
        let found = try model.decoder().greedy(after: reference.inputIDs, count: reference.greedyContinuation.count)
        #expect(found == reference.greedyContinuation)
    }

    /// Weights are floats here, so all of the difference is the cache's. These models' random
    /// weights are a hard case; 3.1 percent is the most found.
    @Test(arguments: fixtures)
    func `an int8 cache moves logits by less than 6 percent of the largest`(name: String) throws {
        let reference = try Reference(fixture: name)
        let model = try ConvertedModel(name, .f32)
        let decoder = try model.decoder { $0.cacheFormat = .q8 }
        #expect(decoder.cacheBytes < (try model.decoder { $0.cacheFormat = .f16 }).cacheBytes)
        let logits = try decoder.allLogits(reference.inputIDs, chunk: 7)
        try #require(reference.positions.count == reference.logits.count && !reference.logits.isEmpty)
        for (position, expected) in zip(reference.positions, reference.logits) {
            let bound = 0.06 * (expected.map(abs).max() ?? 0)
            try #require(logits[position].count == expected.count)
            #expect(zip(logits[position], expected).allSatisfy { abs($0 - $1) <= bound }, "position \(position)")
        }
    }

    @Test func `the sliding window's ring is shorter than the text and gives the same logits`() throws {
        let reference = try Reference(fixture: "mistral-sliding-window")
        let model = try ConvertedModel("mistral-sliding-window", .f32)
        // Window 13: with 2 rows a call the ring is 2 blocks, the text 3 and its continuation 5.
        let ring = try model.decoder { $0.batchRows = 2 }
        let whole = try model.decoder { $0.batchRows = 256 }
        #expect(ring.cacheBytes < whole.cacheBytes)
        let ids = reference.inputIDs + reference.greedyContinuation
        #expect(ids.count > 64)
        #expect(try ring.allLogits(ids, chunk: 1) == whole.allLogits(ids, chunk: 256))
        #expect(try ring.allLogits(ids, chunk: 2) == whole.allLogits(ids, chunk: 256))
    }
}
