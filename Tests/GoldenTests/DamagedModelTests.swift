import Foundation
import IsterDecoder
import IsterModelFile
import IsterQuantizer
import Testing

/// Files whose weights make no numbers, or are there no more.
@Suite struct DamagedModelTests {
    private static let slices = [
        TokenSlice(sequence: 0, tokens: [1, 7, 9], logits: .all), TokenSlice(sequence: 1, tokens: [4], logits: .last),
    ]

    /// A model with a head of its own. Of one matrix the first 16 rows have the scale, or with floats 32 weights,
    /// `value`.
    private static func damaged(_ matrix: String, _ preset: Preset, _ value: Float) throws -> ConvertedModel {
        let model = try ConvertedModel("mistral-sliding-window", preset)
        let tensor = try #require(model.file.header.tensors.first { $0.name == matrix })
        let file = try #require(FileHandle(forUpdatingAtPath: model.file.path))
        try file.seek(toOffset: UInt64(tensor.offset))
        let large = (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
        try file.write(contentsOf: Data([[UInt8]](repeating: large, count: preset == .f32 ? 16 * 32 : 16).joined()))
        try file.close()
        return model
    }

    @Test(arguments: [Preset.q8g256, .f32], [1, 3])
    func `logits that are not finite are refused, whatever the head's format`(preset: Preset, threads: Int) throws {
        let model = try Self.damaged("head", preset, 3e38)
        let decoder = try model.decoder {
            $0.threads = threads
            $0.sequenceCount = 2
        }
        #expect(throws: DecoderError.notFinite) { try decoder.forward(Self.slices) }
        // A single row takes another way to its norm.
        #expect(throws: DecoderError.notFinite) { try decoder.forward([Self.slices[1]]) }
        #expect([0, 1].map { decoder.length(ofSequence: $0) } == [0, 0])
        // The activations are sound: without logits the call is, too.
        try decoder.forward([TokenSlice(sequence: 0, tokens: [1, 7, 9], logits: .states)])
        #expect(decoder.length(ofSequence: 0) == 3)
    }

    /// They would make the norm's scale 0, and all logits with it.
    @Test(arguments: ["layers.0.output", "layers.1.down"], [Preset.q8g256, .f32])
    func `a hidden state whose squares no float holds is refused`(matrix: String, preset: Preset) throws {
        let decoder = try Self.damaged(matrix, preset, 1e25).decoder { $0.sequenceCount = 2 }
        #expect(throws: DecoderError.notFinite) { try decoder.forward(Self.slices) }
        #expect(throws: DecoderError.notFinite) { try decoder.forward([Self.slices[1]]) }
    }

    @Test func `a file that shrinks while it is decoded gives no logits`() throws {
        let model = try ConvertedModel("stories260K", .q8)
        try model.file.guardMapping()
        let decoder = try model.decoder { $0.sequenceCount = 2 }
        try decoder.forward(Self.slices)
        #expect(decoder.logitRowCount > 0)
        let truncated = unsafe truncate(model.file.path, 4096)
        #expect(truncated == 0)
        for _ in 0..<2 {
            #expect(throws: DecoderError.fileChanged) { try decoder.forward(Self.slices) }
            #expect(decoder.logitRowCount == 0)
        }
        #expect([0, 1].map { decoder.length(ofSequence: $0) } == [3, 1])
    }
}
