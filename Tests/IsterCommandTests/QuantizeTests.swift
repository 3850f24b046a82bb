import ArgumentParser
import Foundation
import IsterDecoder
import IsterEvaluation
import IsterModelFile
import IsterQuantizer
import Testing

@testable import ister

struct QuantizeTests {
    @Test(arguments: [1, 3, 4, 15, 16, 190, 1000], [1, 4, 128])
    func `what a calibration is given and what is held out of its text never overlap`(count: Int, limit: Int) {
        for wanted in [0, 1, 16] {
            let parts = CalibrationText.parts(of: count, limit: limit, heldOut: wanted)
            let isInOrder = zip(parts.chunks, parts.chunks.dropFirst()).allSatisfy { $0 < $1 }
            #expect(isInOrder)
            #expect(!parts.chunks.isEmpty && parts.chunks.count <= limit)
            let isInside = parts.chunks.allSatisfy { $0 >= 0 && $0 < parts.heldOut.lowerBound }
            #expect(isInside)
            #expect(parts.heldOut.upperBound == count)
            #expect(parts.heldOut.count <= wanted && parts.heldOut.count <= max(1, count / 8))
            #expect(parts.heldOut.isEmpty == (wanted == 0 || count < 4))
        }
    }

    @Test func `without a certificate a text is used as far as its end`() {
        #expect(CalibrationText.parts(of: 190, limit: 4, heldOut: 0).chunks == [0, 47, 95, 142])
        #expect(CalibrationText.parts(of: 190, limit: 4, heldOut: 16).chunks == [0, 43, 87, 130])
    }

    @Test func `sizes lie between those of q4 and q8g256`() throws {
        func bytes(_ size: TargetSize) throws -> Int {
            try size.bytes(parameters: 1000) { preset throws(QuantizerError) in preset == .q4 ? 600 : 1000 }
        }
        let sizes = [try bytes(.between(0)), try bytes(.between(0.25)), try bytes(.bits(5.35))]
        #expect(sizes == [600, 700, 668])
        for preset in QuantizePreset.allCases where preset.size != nil {
            #expect(preset.base == .q4 && preset.isCalibrated)
        }
    }

    @Test func `every format has a preset of its own name`() {
        for preset in Preset.allCases {
            let named = QuantizePreset(preset)
            #expect(named.rawValue == preset.rawValue && named.base == preset)
            #expect(named.size == nil && !named.isCalibrated)
        }
    }

    private static let checkpoint = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "GoldenTests/Fixtures/stories260K").path

    private func job(_ output: String, _ preset: Preset = .q4) -> QuantizeJob {
        QuantizeJob(
            checkpoint: Self.checkpoint, output: output, threads: .ofThisMachine(requested: 1), preset: preset,
            replacing: false, texts: [])
    }

    private func json(_ arguments: [String], _ presets: [QuantizePreset]) throws -> String {
        let plan = try job("/none/model.ister").plan(presets, CalibrationOptions.parse(arguments))
        return String(decoding: plan.json.line, as: UTF8.self)
    }

    @Test(arguments: [([], 65536), (["--calibration-method", "importance"], 4096), (["--own-tokens", "512"], 512)])
    func `one pass takes fewer tokens of the model's own text, unless it is told how many`(
        arguments: [String], tokens: Int
    ) throws {
        let options = try CalibrationOptions.parse(["--calibrate-own"] + arguments)
        let calibration = options.calibration(nil, progress: { _, _ in }) { () throws(QuantizerError) in
            throw .calibrationMemory(needed: 0, available: 0)
        }
        #expect(calibration?.source.ownTokenCount == tokens)
        #expect(calibration?.source.textTokenCount == 0)
    }

    @Test(arguments: [
        ([], 65536), (["--calibration-method", "importance"], 8192), (["--calibration-tokens", "1100"], 1024),
    ])
    func `one pass takes fewer tokens of a text, unless it is told how many`(arguments: [String], tokens: Int) throws {
        let text = FileManager.default.temporaryDirectory.appending(path: "ister-\(UUID().uuidString)")
        try Data(String(repeating: "Lily saw a cat. ", count: 20_000).utf8).write(to: text)
        defer { try? FileManager.default.removeItem(at: text) }
        let options = try CalibrationOptions.parse(["--calibrate", text.path] + arguments)
        let cut = try #require(try options.calibrationText(Self.checkpoint, heldOut: 16))
        #expect(cut.chunks.count * CalibrationText.chunkTokens == tokens)
        #expect(cut.heldOut?.windows.count == 16)
    }

    @Test func `a plan tells the memory of the calibration that is asked for`() throws {
        let none = #""calibration_bytes":null"#
        #expect(try json([], [.q8]).contains(none))
        #expect(try json(["--calibrate", "text"], [.f32]).contains(none))
        #expect(try json(["--calibration-method", "importance"], [.best]).contains(none))
        #expect(try json(["--calibrate-own", "--calibration-method", "importance"], [.q4]).contains(none))
        for (arguments, preset) in [(["--calibrate", "text"], .q8), (["--calibrate-own"], .q4), ([], .balanced)]
            as [([String], QuantizePreset)]
        {
            #expect(try !json(arguments, [preset]).contains(none), "\(preset)")
        }
    }

    @Test(arguments: [
        ["--plan", "--certify", "a"], ["--plan", "--calibrate", "a", "--certify-chunks", "2"],
        ["--plan", "--calibrate", "a", "--max-kld", "1"],
        ["--calibrate", "a", "--certify-chunks", "2", "--no-certify"],
    ])
    func `an option that would change nothing is refused by its name`(arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try Quantize.parse(["checkpoint"] + arguments) }
        guard let error else { return }
        let name = ["--max-kld", "--certify-chunks", "--certify"].first { arguments.contains($0) } ?? ""
        #expect(Quantize.message(for: error).contains("\(name) does not go with"))
        #expect(Quantize.exitCode(for: error) == .validationFailure)
    }

    @Test func `what a foreign file says steers no terminal, and is exact in JSON`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ister-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let output = folder.appending(path: "model.ister").path
        let recipe = "q8\u{1B}[2J\u{9B}31m\r\nname"
        let allocation = Allocation(name: recipe, formats: [:])
        _ = try Conversion(source: Self.checkpoint, output: output, preset: .q8, allocation: allocation).run()
        let description = ModelDescription(try ModelFile.open(path: output))
        #expect(description.table.contains(#"q8\u{1b}[2J\u{9b}31m\u{d}\u{a}name, made by"#))
        let controls = description.table.unicodeScalars.filter { $0.properties.generalCategory == .control }
        #expect(Set(controls) == ["\n"])
        let json = try JSONSerialization.jsonObject(with: Data(description.json.line)) as? [String: Any]
        #expect((json?["provenance"] as? [String: Any])?["recipe"] as? String == recipe)
        let failure = Failure(ModelFileError.badData(path: "x", .unknownHeaderKey("\u{1B}]0;a\u{7}\nb")), file: "x")
        #expect(failure.line == #"x: header: unknown or repeated key "\u{1b}]0;a\u{7} b""#)
    }

    private final class NoSource: CalibrationSource {
        let textDigest: String? = nil
        let textTokenCount = 0
        let ownTokenCount = 512

        func run(
            sites: Set<CalibrationSite>, next: CalibrationSite?,
            _ body: (CalibrationBatch) throws(QuantizerError) -> Void
        ) throws(QuantizerError) {}
    }

    @Test func `what a conversion would refuse is refused before sensitivities are measured`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ister-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func code(_ name: String, memory: Int?, _ method: CalibrationMethod = .feedback) -> Failure.Code? {
            let calibration = Calibration(source: NoSource(), method: method, availableBytes: memory)
            do throws(Failure) {
                try job(folder.appending(path: name).path).check(calibration, nil)
            } catch { return error.code }
            return nil
        }
        #expect(code("model.ister", memory: 1) == .systemRefused)
        #expect(code("model.ister", memory: 1, .importance) == nil)
        #expect(code("none/model.ister", memory: nil) == .cannotCreate)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        try Data([1]).write(to: folder.appending(path: "model.ister"))
        #expect(code("model.ister", memory: nil) == .cannotCreate)
    }
}
