import IsterDecoder
import IsterModelFile
import IsterQuantizer
import Testing

/// Checkpoints hold rows of zeros: padding of the vocabulary, pruned neurons.
struct ZeroRowTests {
    static let name = "stories260K"
    static let zeroIDs = [300, 301, 317]

    /// The checkpoint with some ids' embeddings, and a whole matrix, set to zero.
    private func fixture() throws -> ConversionFixture {
        let fixture = try ConversionFixture(Self.name)
        let path = fixture.source + "/model.safetensors"
        var bytes = try fixture.bytes(path)
        let (embedding, start) = try fixture.tensor("model.embed_tokens.weight")
        let width = embedding.count / 512
        for id in Self.zeroIDs {
            let first = start + 4 * width * id
            for index in first..<first + 4 * width { bytes[index] = 0 }
        }
        let key = try fixture.tensor("model.layers.1.self_attn.k_proj.weight")
        for index in key.start..<key.start + 4 * key.values.count { bytes[index] = 0 }
        try fixture.write(bytes, to: "source/model.safetensors")
        return fixture
    }

    @Test(arguments: Preset.allCases, [nil, CalibrationMethod.importance, .feedback])
    func `zero rows stay zero in every format, calibrated or not`(preset: Preset, method: CalibrationMethod?) throws {
        // Floats are refused a calibration.
        if preset == .f32, method != nil { return }
        let fixture = try fixture()
        let source = try DecoderSource(Self.name)
        let report = try Conversion(
            source: fixture.source, output: fixture.output, preset: preset, threads: 2,
            calibration: method.map { Calibration(source: source, method: $0) }
        ).run()
        let zeroMatrix = try #require(report.header.certificate?.tensorErrors["layers.1.key"])
        #expect(zeroMatrix == 0)
        let ids = try Reference(fixture: Self.name).inputIDs
        let decoder = try Decoder(ModelFile.open(path: fixture.output))
        for logits in try decoder.allLogits(ids, chunk: 512) {
            let isFinite = logits.allSatisfy { $0.isFinite }
            #expect(isFinite)
            // The embedding is the head as well, so the logits of zero rows, and only those, are zero.
            let zeros = logits.indices.filter { logits[$0] == 0 }
            #expect(zeros == Self.zeroIDs)
        }
    }
}
