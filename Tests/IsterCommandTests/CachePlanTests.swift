import IsterDecoder
import IsterModelFile
import Testing

@testable import ister

@Suite struct CachePlanTests {
    /// H2O-Danube-1.8B's; windows: of its layers, nil for one that sees all.
    private func shape(_ windows: [Int?]) -> ModelShape {
        ModelShape(
            vocabularySize: 32_000, hiddenWidth: 2560, feedForwardWidth: 6912, layerCount: windows.count, headCount: 32,
            keyValueHeadCount: 8, headWidth: 80, contextLength: 16_384, normEpsilon: 1e-5, attentionScale: 0.11,
            rotaries: [ModelShape.Rotary(theta: 10_000, scaling: .none)],
            layers: windows.map { ModelShape.Layer(window: $0, rotary: 0) })
    }

    private func plan(_ windows: [Int?], parallel: Int = 2, memory: Int? = nil) throws -> CachePlan {
        try CachePlan(
            shape: shape(windows), format: .f16, parallel: parallel, batchRows: 512, context: nil, memory: memory,
            available: nil)
    }

    @Test func `with a window each request needs that and a batch`() throws {
        let windowed = try plan([4096, 4096])
        #expect(windowed.contextLength == 16_384)
        #expect(windowed.blockCount == 2 * ((4096 + 512) / 16 + 3))
        #expect(try plan([4096, nil]).blockCount == 2 * 1025)
    }

    @Test func `a cache for one window has room for the whole context`() throws {
        let block = CacheFormat.f16.blockBytes(shape([4096]))
        #expect(try plan([4096], memory: 291 * block).contextLength == 16_384)
        #expect(try plan([4096], memory: 290 * block).contextLength == 289 * 16)
        #expect(try plan([nil], memory: 291 * block).contextLength == 290 * 16)
    }
}
