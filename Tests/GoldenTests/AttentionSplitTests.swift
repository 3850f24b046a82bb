import IsterModelFile
import IsterQuantizer
import Testing

@testable import IsterDecoder

@Suite struct AttentionSplitTests {
    @Test func `few heads of a long context are split, many or short ones are not`() {
        func segments(items: Int, positions: Int, workers: Int, most: Int = 1000) -> Int {
            AttentionSplit([(items, positions)], workers: workers, most: most).segments
        }
        #expect(segments(items: 3, positions: 4096, workers: 2) == 16)
        #expect(segments(items: 3, positions: 4097, workers: 2) == 17)
        #expect(segments(items: 8, positions: 4096, workers: 64) == 16)
        // 6 segments one after the other, or one of 48 on each of 64 workers.
        #expect(segments(items: 8, positions: 1536, workers: 64) == 6)
        #expect(segments(items: 8, positions: 1280, workers: 64) == 1)
        #expect(segments(items: 8, positions: 4096, workers: 2) == 1)
        #expect(segments(items: 3, positions: 4096, workers: 1) == 1)
        #expect(segments(items: 3, positions: 2304, workers: 2) == 1)
        #expect(segments(items: 3, positions: 4096, workers: 2, most: 47) == 1)
        #expect(segments(items: 3, positions: 4096, workers: 2, most: 48) == 16)
    }

    @Test func `a short sequence beside a long one does not keep the long one whole`() {
        #expect(AttentionSplit([(8, 20_000), (8, 50)], workers: 16, most: 8000).segments == 79)
        #expect(AttentionSplit([(8, 50), (8, 20_000)], workers: 16, most: 8000).segments == 79)
        // Sixteen that are long keep sixteen workers busy.
        #expect(AttentionSplit([(8, 20_000), (8, 20_000)], workers: 16, most: 8000).segments == 1)
        #expect(AttentionSplit([], workers: 16, most: 8000).segments == 1)
    }

    /// Bits of the logits of the last tokens, two sequences of other lengths beside each other.
    private func logits(_ model: ConvertedModel, _ format: CacheFormat, threads: Int) throws -> [[UInt32]] {
        let decoder = try model.decoder {
            $0.threads = threads
            $0.contextLength = 2700
            $0.sequenceCount = 2
            $0.cacheFormat = format
        }
        let vocabulary = model.file.header.shape.vocabularySize
        let ids = (0..<2640).map { Int32(($0 * $0 + 7 * $0) % (vocabulary - 4) + 4) }
        for start in stride(from: 0, to: 2600, by: 100) {
            try decoder.forward([TokenSlice(sequence: 0, tokens: Array(ids[start..<start + 100]), logits: .none)])
        }
        try decoder.forward([TokenSlice(sequence: 1, tokens: Array(ids[..<250]), logits: .none)])
        var found: [[UInt32]] = []
        for step in 0..<12 {
            let both = [
                TokenSlice(sequence: 0, tokens: [ids[2600 + step]], logits: .last),
                TokenSlice(sequence: 1, tokens: [ids[250 + step]], logits: .last),
            ]
            try decoder.forward(step % 3 == 0 ? both : [both[0]])
            found += (0..<decoder.logitRowCount).map { decoder.copyLogits(row: $0).map(\.bitPattern) }
        }
        return found
    }

    @Test(arguments: ["stories260K", "mistral-sliding-window"], [CacheFormat.f16, .q8])
    func `a long context has the same bits however its attention is cut`(name: String, format: CacheFormat) throws {
        let model = try ConvertedModel(name, .q8)
        let heads = model.file.header.shape.keyValueHeadCount
        let expected = try logits(model, format, threads: 1)
        for threads in [2, 3, 5, 7] { #expect(try logits(model, format, threads: threads) == expected, "\(threads)") }
        // Some of these cuts are splits.
        #expect(
            [3, 5, 7].contains { AttentionSplit([(heads, 2600)], workers: $0, most: 99).segments > 1 })
    }
}
