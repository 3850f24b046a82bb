import Foundation
import IsterQuantizer
import Testing

@testable import ister

/// Over the smallest real model, which the tests of the decoder have.
struct DecoderCalibrationTests {
    private static let checkpoint = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "GoldenTests/Fixtures/stories260K").path
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "ister-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func source() -> DecoderCalibration {
        let output = folder.appending(path: "model.ister").path
        return DecoderCalibration(text: nil, ownTokens: 3 * CalibrationText.chunkTokens, progress: { _, _ in }) {
            () throws(QuantizerError) in
            try SourceModel(checkpoint: Self.checkpoint, preset: .q8g256, output: output, threads: 2)
        }
    }

    /// All inputs of some passes, one after the other.
    private func inputs(_ passes: [[CalibrationSite]]) throws -> [CalibrationSite: [Float]] {
        let source = source()
        var found: [CalibrationSite: [Float]] = [:]
        for (index, sites) in passes.enumerated() {
            var done = 0
            let next = index + 1 < passes.count ? passes[index + 1].first : nil
            try source.run(sites: Set(sites), next: next) { batch in
                #expect(Set(batch.inputs.keys) == Set(sites))
                for (site, rows) in batch.inputs { found[site, default: []] += rows }
                done = batch.tokensDone
            }
            #expect(done == 3 * CalibrationText.chunkTokens)
        }
        return found
    }

    @Test func `passes that go on where the last one ended see what one pass sees`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sites: [CalibrationSite] = (0..<5).flatMap { layer in
            [.attention(layer: layer), .output(layer: layer), .feedForward(layer: layer), .down(layer: layer)]
        }
        let together = try inputs([sites + [.head]])
        #expect(together[.head]?.count == 3 * CalibrationText.chunkTokens * 64)
        #expect(try inputs((sites + [.head]).map { [$0] }) == together)
        // Layers that nobody asks for, a group across a border, and one that begins before the last one ended.
        let some: [[CalibrationSite]] = [
            [.down(layer: 1), .attention(layer: 2)], [.output(layer: 2)], [.head], [.attention(layer: 0)],
            [.down(layer: 4)],
        ]
        let found = try inputs(some)
        #expect(found == together.filter { some.joined().contains($0.key) })
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
}
