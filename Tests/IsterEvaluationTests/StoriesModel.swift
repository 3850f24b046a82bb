import Foundation
import IsterDecoder
import IsterEvaluation
import IsterModelFile
import IsterQuantizer
import IsterTokenizer

/// The 260K-parameter checkpoint of the golden tests, converted; files go with this object.
final class StoriesModel: Sendable {
    let folder: TemporaryFolder
    let file: ModelFile
    let tokenizer: Tokenizer

    init(_ preset: Preset = .f32, fixture: String = "stories260K") throws {
        folder = try TemporaryFolder()
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("GoldenTests/Fixtures/\(fixture)").path
        let output = folder.path + "/model.ister"
        _ = try Conversion(source: source, output: output, preset: preset).run()
        file = try ModelFile.open(path: output)
        tokenizer = try Tokenizer(Vocabulary(encodedBytes: file.tokenizerBytes))
    }

    func decoder(contextLength: Int) throws -> Decoder {
        try Decoder.forEvaluation(file, contextLength: contextLength, threads: 1)
    }

    static let story = """
        Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw \
        a big, red ball. She wanted to play with it, but it was too high. Lily's mom said, "Lily, let's go to the park \
        and play with your friends." They ran and jumped until the sun went down.

        """

    func windows(of context: Int, limit: Int? = nil) throws -> TextWindows {
        try TextWindows(text: Array(Self.story.utf8), tokenizer: tokenizer, contextLength: context, limit: limit)
    }
}

final class TemporaryFolder: Sendable {
    let path = FileManager.default.temporaryDirectory.path + "/ister-evaluation-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: [UInt8], _ name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
        return path + "/" + name
    }

    func read(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)))
    }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
}

/// ln softmax by the plain formula.
func plainLogSoftmax(_ logits: [Float]) -> [Double] {
    let largest = Double(logits.max() ?? 0)
    let sum = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
    return logits.map { Double($0) - largest - log(sum) }
}
