import Foundation
import IsterEvaluation
import IsterModelFile
import IsterQuantizer
import Testing

@testable import IsterDecoder
@testable import ister

struct SourceModelTests {
    private static let checkpoint = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "GoldenTests/Fixtures/stories260K").path

    /// Two nodes played on this machine's processors.
    private func spread() -> [MemoryNode] {
        let processors = Machine.allowedProcessors
        return [
            MemoryNode(number: 0, processors: [processors[0]]),
            MemoryNode(number: 1, processors: [processors[processors.count - 1]]),
        ]
    }

    private func logits(_ decoder: Decoder) throws -> [Float] {
        decoder.reset(sequence: 0)
        try decoder.forward([TokenSlice(sequence: 0, tokens: [1, 403, 407], logits: .last)])
        return decoder.copyLogits(row: 0)
    }

    @Test func `a file is not compared with a model that was made from other bytes`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ister-\(UUID().uuidString)")
        let source = folder.appending(path: "source")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(atPath: Self.checkpoint, toPath: source.path)
        let output = folder.appending(path: "model.ister").path
        try Conversion(source: source.path, output: output, preset: .q8).run()
        let file = try ModelFile.open(path: output)
        let windows = try TextWindows(tokens: [Int32](repeating: 403, count: 32), contextLength: 16, firstToken: 1)
        let measurement = DivergenceMeasurement(
            windows: windows, textDigest: "", firstWindow: nil, progress: { _, _ in }
        ) { () throws(QuantizerError) in
            try SourceModel(checkpoint: source.path, preset: .f32, output: output, threads: 1)
        }
        #expect(try measurement.quality(of: file).windows == 2)
        // The same settings in other bytes.
        let config = source.appending(path: "config.json")
        try (Data(contentsOf: config) + Data(" ".utf8)).write(to: config)
        let error = #expect(throws: QuantizerError.self) { try measurement.quality(of: file) }
        guard case .sourceChanged("config.json", let converted?, let compared?)? = error else {
            return #expect(Bool(false), "\(String(describing: error))")
        }
        #expect(converted != compared)
        #expect(error.map { Failure($0, file: output).code } == .inputOutput)
    }

    @Test func `a link in the place of the hidden model is refused, and what it leads to stays`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ister-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let other = folder.appending(path: "other.ister")
        let output = folder.appending(path: "model.ister").path
        try Conversion(source: Self.checkpoint, output: other.path, preset: .q8).run()
        let bytes = try Data(contentsOf: other)
        try FileManager.default.createSymbolicLink(
            atPath: SourceModel.path(output: output), withDestinationPath: other.path)
        let error = #expect(throws: QuantizerError.self) {
            try SourceModel(checkpoint: Self.checkpoint, preset: .f32, output: output, threads: 1)
        }
        #expect(error.map { Failure($0, file: output).code } == .cannotCreate)
        SourceModel.removeOwn(output: output)
        #expect(try Data(contentsOf: other) == bytes)
    }

    @Test func `a decoder sees replaced weights at once, also when its workers sit on two memory nodes`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ister-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let model = try SourceModel(
            checkpoint: Self.checkpoint, preset: .q8g256, output: folder.appending(path: "model.ister").path, threads: 2
        )
        var options = model.options(contextLength: 8, batchRows: 8)
        options.memoryNodes = spread()
        let decoder = try Decoder(model.file, options: options)
        let before = try logits(decoder)
        for name in ["layers.0.query", "layers.4.down"] {
            let view = try #require(model.file.tensor(named: name))
            let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: view.pointer, count: view.length))
            try model.replace(name, with: [UInt8](repeating: 0, count: bytes.count))
            #expect(try logits(decoder) != before, "\(name)")
            try model.replace(name, with: bytes)
            #expect(try logits(decoder) == before, "\(name)")
        }
    }
}
