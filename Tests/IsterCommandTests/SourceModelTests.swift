import Foundation
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
