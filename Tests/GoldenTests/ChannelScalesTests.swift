import IsterDecoder
import IsterModelFile
import Testing

@testable import IsterQuantizer

@Suite struct ChannelScalesTests {
    @Test func `a factor is the square root of a channel's size by that of all, at least a tenth`() throws {
        let scales = try #require(ChannelScales(squares: [256, 0, 0, 0, 9, 9], width: 4))
        // Mean 64: (256 / 64)^(1/4), and (1e-4)^(1/4).
        #expect(abs(scales.factors[0] - 1.414_214) < 1e-6)
        #expect(abs(scales.factors[1] - 0.1) < 1e-6)
        #expect(scales.factors[4...] == [1, 1])
        #expect(ChannelScales(squares: [0, 0], width: 2) == nil)
        #expect(ChannelScales(squares: [.infinity, 1], width: 2) == nil)
    }

    @Test func `statistics are those of the scaled columns' inputs`() throws {
        let scales = try #require(ChannelScales(squares: [256, 1, 1, 1], width: 4))
        let factors = scales.factors
        #expect(scales.scaled(importance: [2, 2, 2, 2]) == factors.map { 2 / ($0 * $0) })
        let gram = SharedBuffer<Float>(repeating: 3, count: 16)
        scales.scale(gram: gram, width: 4, threads: 2)
        for index in 0..<16 {
            #expect(unsafe gram.base[index] == 3 / (factors[index / 4] * factors[index % 4]))
        }
    }

    /// Squared distance of logits.
    private func distance(_ found: [[Float]], _ expected: [[Float]]) -> Float {
        zip(found.joined(), expected.joined()).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    @Test(arguments: ["stories260K", "llama-rope-linear-bias", "mistral-sliding-window"], CalibrationMethod.allCases)
    func `norms and the matrices behind them change, and the model is as near to its source as before`(
        name: String, method: CalibrationMethod
    ) throws {
        let fixture = try ConversionFixture(name)
        let ids = try Reference(fixture: name).inputIDs
        func convert(_ preset: Preset, _ calibration: Calibration?) throws -> (header: ModelHeader, logits: [[Float]]) {
            _ = try Conversion(
                source: fixture.source, output: fixture.output, preset: preset, replacing: true,
                calibration: calibration
            ).run()
            let file = try ModelFile.open(path: fixture.output)
            try file.verify(threads: 1)
            return (file.header, try Decoder(file).allLogits(ids, chunk: 512))
        }
        let source = try convert(.f32, nil)
        for preset in [Preset.q8, .q8g256] {
            let plain = try convert(preset, nil)
            let calibrated = try convert(preset, Calibration(source: DecoderSource(name), method: method))
            for role in [TensorRole.attentionNorm, .feedForwardNorm, .query, .up] {
                let tensor = TensorName.layer(1, role)
                let (before, after) = (plain.header, calibrated.header)
                #expect(
                    before.tensors.first { $0.name == tensor } != after.tensors.first { $0.name == tensor },
                    "\(preset), \(role)")
            }
            // A factor that did not cancel would be a thousand times as far.
            #expect(distance(calibrated.logits, source.logits) < 3 * distance(plain.logits, source.logits))
        }
    }
}
