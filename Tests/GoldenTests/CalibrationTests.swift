import Foundation
import IsterDecoder
import IsterModelFile
import IsterQuantizer
import Testing

struct CalibrationTests {
    private func convert(
        _ fixture: ConversionFixture, _ calibration: Calibration?, preset: Preset = .q4, threads: Int = 2
    ) throws -> ConversionReport {
        try Conversion(
            source: fixture.source, output: fixture.output, preset: preset, threads: threads, replacing: true,
            calibration: calibration
        ).run()
    }

    /// Mean divergence of a file's logits from the reference implementation's, in nats.
    private func divergence(_ path: String, _ name: String) throws -> Double {
        let reference = try Reference(fixture: name)
        let decoder = try Decoder(ModelFile.open(path: path))
        let found = try decoder.allLogits(reference.inputIDs, chunk: 512)
        var sum = 0.0
        for (position, expected) in zip(reference.positions, reference.logits) {
            let (p, q) = (logSoftmax(expected), logSoftmax(found[position]))
            sum += zip(p, q).reduce(0) { $0 + Foundation.exp($1.0) * ($1.0 - $1.1) }
        }
        return sum / Double(reference.positions.count)
    }

    private func logSoftmax(_ logits: [Float]) -> [Double] {
        let top = Double(logits.max() ?? 0)
        let sum = logits.reduce(0) { $0 + Foundation.exp(Double($1) - top) }
        return logits.map { Double($0) - top - Foundation.log(sum) }
    }

    @Test(arguments: CalibrationMethod.allCases)
    func `a calibration text brings the model nearer to its source`(method: CalibrationMethod) throws {
        let name = "stories260K"
        let fixture = try ConversionFixture(name)
        _ = try convert(fixture, nil)
        let plain = try divergence(fixture.output, name)
        let source = try DecoderSource(name)
        let report = try convert(fixture, Calibration(source: source, method: method))
        let calibrated = try divergence(fixture.output, name)
        #expect(calibrated < (method == .feedback ? 0.8 : 0.97) * plain, "\(calibrated) against \(plain)")
        #expect(source.passCount == 1)
        try ModelFile.open(path: fixture.output).verify(threads: 1)
        if method == .feedback {
            let gain = try #require(report.feedback)
            #expect(gain.storedError < 0.75 * gain.plainError)
            #expect(gain.storedError > 0)
        } else {
            #expect(report.feedback == nil)
        }
    }

    @Test func `the file says which text it was calibrated with, and how`() throws {
        let fixture = try ConversionFixture("mistral-sliding-window")
        let source = try DecoderSource("mistral-sliding-window")
        let report = try convert(fixture, Calibration(source: source, method: .importance))
        let needed = Provenance.Calibration(
            method: "importance", sha256: source.textDigest, tokens: source.textTokenCount)
        #expect(report.header.provenance.calibration == needed)
        #expect(try ModelFile.open(path: fixture.output).header.provenance.calibration == needed)
    }

    @Test(arguments: CalibrationMethod.allCases)
    func `a calibration that would round nothing is refused`(method: CalibrationMethod) throws {
        let fixture = try ConversionFixture("stories260K")
        let source = try DecoderSource("stories260K")
        #expect(throws: QuantizerError.calibration(.nothingToRound(path: fixture.source))) {
            try convert(fixture, Calibration(source: source, method: method), preset: .f32)
        }
        #expect(source.passCount == 0)
        #expect(try fixture.outputs() == [])
    }

    @Test(arguments: ["mistral-sliding-window", "llama-rope-linear-bias"], CalibrationMethod.allCases)
    func `the bytes do not depend on the number of threads`(name: String, method: CalibrationMethod) throws {
        let fixture = try ConversionFixture(name)
        let source = try DecoderSource(name)
        var files: [[UInt8]] = []
        for threads in [1, 2, 5] {
            _ = try convert(fixture, Calibration(source: source, method: method), threads: threads)
            files.append(try fixture.bytes(fixture.output))
        }
        #expect(files[0] == files[1])
        #expect(files[0] == files[2])
    }

    @Test func `the bytes do not depend on how many statistics fit into memory`() throws {
        let fixture = try ConversionFixture("stories260K")
        let source = try DecoderSource("stories260K")
        _ = try convert(fixture, Calibration(source: source, method: .feedback))
        let together = try fixture.bytes(fixture.output)
        _ = try convert(fixture, Calibration(source: source, method: .feedback, gramBytes: 1))
        #expect(try fixture.bytes(fixture.output) == together)
        // One pass, then one for each site of 5 layers and the head, each told where the next one begins.
        #expect(source.passCount == 1 + 5 * 4 + 1)
        #expect(Array(source.announced[1...3]) == [.output(layer: 0), .feedForward(layer: 0), .down(layer: 0)])
        #expect(Array(source.announced[19...]) == [.down(layer: 4), .head, nil])
    }

    /// Widths of stories260K are 64 for all sites but those of down, 172, padded to 192: all fit into one group.
    @Test func `feedback that the memory cannot hold is refused before the text runs`() throws {
        let fixture = try ConversionFixture("stories260K")
        let source = try DecoderSource("stories260K")
        func calibration(_ bytes: Int, _ method: CalibrationMethod = .feedback) -> Calibration {
            Calibration(source: source, method: method, availableBytes: bytes)
        }
        let needed = 4 * (16 * 64 * 64 + 5 * 192 * 192) + 12 * 192 * 192
        let error = QuantizerError.calibrationMemory(needed: needed, available: needed - 1)
        #expect(throws: error) { try convert(fixture, calibration(needed - 1)) }
        #expect(source.passCount == 0)
        #expect(try fixture.outputs().isEmpty)
        let shape = try convert(fixture, calibration(needed)).header.shape
        #expect(Calibration.feedbackBytes(shape) == needed)
        _ = try convert(fixture, calibration(0, .importance))
        // Llama 3 70B: one matrix of 28672 columns, its inverse and its factor.
        var large = shape
        (large.hiddenWidth, large.feedForwardWidth) = (8192, 28672)
        #expect(Calibration.feedbackBytes(large) == 16 * 28672 * 28672)
    }

    @Test(arguments: CalibrationMethod.allCases, [Float.nan, .infinity])
    func `statistics that are not finite are refused by site, without a file`(
        method: CalibrationMethod, value: Float
    ) throws {
        let fixture = try ConversionFixture("stories260K")
        let source = try DecoderSource("stories260K")
        source.corrupt = { site, values in if site == .down(layer: 2) { values[7] = value } }
        #expect(throws: QuantizerError.calibration(.notFinite(site: .down(layer: 2)))) {
            try convert(fixture, Calibration(source: source, method: method))
        }
        #expect(try fixture.outputs().isEmpty)
    }

    @Test(arguments: CalibrationMethod.allCases)
    func `a site that the text never feeds is rounded as without a text`(method: CalibrationMethod) throws {
        let fixture = try ConversionFixture("stories260K")
        let plain = try convert(fixture, nil).header
        let source = try DecoderSource("stories260K")
        source.corrupt = { site, values in
            if site == .down(layer: 2) { values = values.map { _ in 0 } }
        }
        let header = try convert(fixture, Calibration(source: source, method: method)).header
        func digest(_ header: ModelHeader, _ name: String) -> String? {
            header.tensors.first { $0.name == name }?.sha256
        }
        #expect(digest(header, "layers.2.down") == digest(plain, "layers.2.down"))
        #expect(digest(header, "layers.1.down") != digest(plain, "layers.1.down"))
    }
}
