import Foundation
import IsterDecoder
import IsterModelFile
import IsterQuantizer
import Testing

@testable import ister

struct ModelFileOpeningTests {
    private static let checkpoint = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "GoldenTests/Fixtures/stories260K").path

    @Test func `a model file that shrinks while a command uses it is an input error and no signal`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ister-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "model.ister").path
        _ = try Conversion(source: Self.checkpoint, output: path, preset: .q8).run()
        let files = [
            try ModelFile.openPopulated(path, threads: 1), try EvaluatedModel(path, threads: 1).file,
        ]
        let truncated = unsafe truncate(path, 4096)
        #expect(truncated == 0)
        for file in files {
            var options = DecoderOptions()
            options.threads = 1
            options.contextLength = 8
            let decoder = try Decoder(file, options: options)
            do throws(DecoderError) {
                try decoder.forward([TokenSlice(sequence: 0, tokens: [1], logits: .last)])
                Issue.record("logits of a file that is gone")
            } catch {
                #expect(error == .fileChanged)
                #expect(Failure(error, file: path).code == .inputOutput)
            }
        }
    }
}
