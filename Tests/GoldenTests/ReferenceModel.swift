import Foundation
import IsterDecoder
import IsterModelFile
import IsterQuantizer

/// Logits and tokens that transformers computed in float32 for a committed checkpoint.
struct Reference: Decodable {
    let inputIDs: [Int32]
    let greedyContinuation: [Int32]
    let positions: [Int]
    let logits: [[Float]]

    enum CodingKeys: String, CodingKey {
        case inputIDs = "input_ids"
        case greedyContinuation = "greedy_continuation"
        case positions, logits
    }

    init(fixture: String) throws {
        let path = ConversionFixture.path(fixture) + "/reference.json"
        self = try JSONDecoder().decode(Reference.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

/// A committed checkpoint, converted with a preset; the file goes with this object.
final class ConvertedModel: Sendable {
    let file: ModelFile
    private let fixture: ConversionFixture

    init(_ name: String, _ preset: Preset) throws {
        fixture = try ConversionFixture(name)
        _ = try Conversion(source: fixture.source, output: fixture.output, preset: preset).run()
        file = try ModelFile.open(path: fixture.output)
    }

    func decoder(_ change: (inout DecoderOptions) -> Void = { _ in }) throws -> Decoder {
        var options = DecoderOptions()
        options.threads = 1
        change(&options)
        return try Decoder(file, options: options)
    }
}

extension Decoder {
    /// Logits of every token of `ids`, given to the decoder `chunk` tokens a call.
    func allLogits(_ ids: [Int32], chunk: Int, sequence: Int = 0) throws -> [[Float]] {
        reset(sequence: sequence)
        var result: [[Float]] = []
        for start in stride(from: 0, to: ids.count, by: chunk) {
            let tokens = Array(ids[start..<min(start + chunk, ids.count)])
            try forward([TokenSlice(sequence: sequence, tokens: tokens, logits: .all)])
            result += (0..<logitRowCount).map { copyLogits(row: $0) }
        }
        return result
    }

    /// The most likely token after each step, `count` of them.
    func greedy(after ids: [Int32], count: Int) throws -> [Int32] {
        reset(sequence: 0)
        var next = ids
        var result: [Int32] = []
        while result.count < count {
            try forward([TokenSlice(sequence: 0, tokens: next, logits: .last)])
            let logits = copyLogits(row: 0)
            let best = Int32(logits.indices.max { logits[$0] < logits[$1] } ?? 0)
            result.append(best)
            next = [best]
        }
        return result
    }
}
