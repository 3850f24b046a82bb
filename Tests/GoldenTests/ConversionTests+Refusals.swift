import Foundation
import IsterCheckpoint
import IsterModelFile
import IsterQuantizer
import Testing

/// Conversions that must fail, with a name for the reason and without a trace in the output's folder.
struct ConversionRefusalTests {
    private func error(_ fixture: ConversionFixture, replacing: Bool = false) -> QuantizerError? {
        do throws(QuantizerError) {
            _ = try Conversion(source: fixture.source, output: fixture.output, preset: .q8, replacing: replacing).run()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func `a weight that is not finite is refused by name and place`(value: Float) throws {
        let fixture = try ConversionFixture("stories260K")
        let name = "model.layers.3.mlp.up_proj.weight"
        let path = fixture.source + "/model.safetensors"
        var bytes = try fixture.bytes(path)
        let place = try fixture.tensor(name).start + 4 * (100 * 64 + 7)
        for shift in 0..<4 { bytes[place + shift] = UInt8(truncatingIfNeeded: value.bitPattern >> (8 * shift)) }
        try fixture.write(bytes, to: "source/model.safetensors")
        guard case .checkpoint(.notFinite(name, row: 100, column: 7, _)) = error(fixture) else {
            Issue.record("\(String(describing: error(fixture)))")
            return
        }
        #expect(try fixture.outputs().isEmpty)
    }

    @Test func `a vocabulary that the embedding cannot hold is refused`() throws {
        let fixture = try ConversionFixture("mistral-no-window")
        let larger = try fixture.bytes(ConversionFixture.path("stories260K") + "/tokenizer.model")
        try fixture.write(larger, to: "source/tokenizer.model")
        #expect(
            error(fixture) == .vocabularyTooLarge(path: fixture.source, pieces: 512, embeddingRows: 384))
        #expect(try fixture.outputs().isEmpty)
    }

    @Test func `an existing output survives a failed conversion`() throws {
        let fixture = try ConversionFixture("stories260K")
        try fixture.write([1, 2, 3], to: "out/model.ister")
        #expect(error(fixture) == .modelFile(.outputExists(path: fixture.output)))
        let bytes = try fixture.bytes(fixture.source + "/model.safetensors")
        try fixture.write(Array(bytes.dropLast()), to: "source/model.safetensors")
        guard case .checkpoint = error(fixture, replacing: true) else {
            Issue.record("\(String(describing: error(fixture, replacing: true)))")
            return
        }
        #expect(try fixture.bytes(fixture.output) == [1, 2, 3])
        #expect(try fixture.outputs() == ["model.ister"])
    }

    @Test func `the output is never a source file`() throws {
        let fixture = try ConversionFixture("stories260K")
        let input = fixture.source + "/model.safetensors"
        let before = try fixture.bytes(input)
        #expect(throws: QuantizerError.modelFile(.outputIsInput(path: input, input: input))) {
            try Conversion(source: fixture.source, output: input, preset: .q4, replacing: true).run()
        }
        #expect(try fixture.bytes(input) == before)
    }

    @Test func `the output is never a text that the conversion reads`() throws {
        let fixture = try ConversionFixture("stories260K")
        try fixture.write([65, 66], to: "text")
        let text = fixture.folder + "/text"
        #expect(throws: QuantizerError.modelFile(.outputIsInput(path: text, input: text))) {
            try Conversion(source: fixture.source, output: text, preset: .q4, replacing: true, texts: [text]).run()
        }
        #expect(try fixture.bytes(text) == [65, 66])
    }

    @Test func `a source that is written to while it is converted is refused by name`() throws {
        let fixture = try ConversionFixture("stories260K")
        let path = fixture.source + "/model.safetensors"
        let source = try DecoderSource("stories260K")
        source.corrupt = { _, _ in
            let early = [FileAttributeKey.modificationDate: Date(timeIntervalSince1970: 1)]
            try? FileManager.default.setAttributes(early, ofItemAtPath: path)
        }
        #expect(throws: QuantizerError.checkpoint(.changed(path: path))) {
            try Conversion(
                source: fixture.source, output: fixture.output, preset: .q4,
                calibration: Calibration(source: source, method: .importance)
            ).run()
        }
        #expect(try fixture.outputs().isEmpty)
    }

    @Test func `a source that does not exist is refused`() throws {
        let fixture = try ConversionFixture("stories260K")
        try FileManager.default.removeItem(atPath: fixture.source)
        guard case .checkpoint(.notFound) = error(fixture) else {
            Issue.record("\(String(describing: error(fixture)))")
            return
        }
        #expect(try fixture.outputs().isEmpty)
    }

    /// The killed child's folder; both processes know the parent's id.
    private static func killFolder(_ parent: Int32) -> String {
        FileManager.default.temporaryDirectory.path + "/ister-kill-\(parent)"
    }

    @Test func `a killed conversion leaves the old file, and the next one cleans up`() async throws {
        let folder = Self.killFolder(getpid())
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let output = folder + "/model.ister"
        try Data([4, 2]).write(to: URL(fileURLWithPath: output))
        await #expect(processExitsWith: .signal(SIGKILL)) {
            let output = Self.killFolder(getppid()) + "/model.ister"
            let source = ConversionFixture.path("stories260K")
            try Conversion(source: source, output: output, preset: .q4, replacing: true).run { progress in
                if progress.stage == .proving { kill(getpid(), SIGKILL) }
            }
        }
        #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: output))) == [4, 2])
        let left = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0 != "model.ister" }
        #expect(left.count == 1 && left.allSatisfy { $0.hasPrefix(".model.ister.tmp-") })
        let source = ConversionFixture.path("stories260K")
        try Conversion(source: source, output: output, preset: .q4, replacing: true).run()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["model.ister"])
        try ModelFile.open(path: output).verify(threads: 1)
    }
}
