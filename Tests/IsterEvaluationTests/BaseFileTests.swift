import Foundation
@testable import IsterEvaluation
import IsterModelFile
import IsterQuantizer
import Testing

@Suite struct BaseFileTests {
    let model: StoriesModel
    let windows: TextWindows
    let bytes: [UInt8]
    let loss: PerplexityEstimate

    init() throws {
        model = try StoriesModel()
        windows = try model.windows(of: 24, limit: 2)
        let path = model.folder.path + "/base"
        let writer = try BaseFileWriter(path: path, windows: windows, vocabularySize: 512)
        loss = try PerplexityEvaluation(model.decoder(contextLength: 24), windows).run(writing: writer)
        bytes = try model.folder.read("base")
    }

    private func reader(_ bytes: [UInt8]) throws -> BaseFileReader {
        try BaseFileReader(path: model.folder.write(bytes, "changed"))
    }

    @Test func `a written file has the layout of llama-perplexity's`() throws {
        #expect(bytes.count == 20 + 4 * 48 + 2 * 11 * 2 * (512 + 4))
        #expect(Array(bytes[..<8]) == Array("_logits_".utf8))
        #expect(Array(bytes[8..<20]) == [24, 0, 0, 0, 0, 2, 0, 0, 2, 0, 0, 0])
        #expect(try reader(bytes).tokens == windows.tokens)
        #expect(try model.folder.names() == ["base", "changed", "model.ister"])
    }

    @Test func `a base file does not replace the text or the model that it is made of`() throws {
        let path = model.file.path
        #expect(throws: EvaluationError.output(.outputIsInput(path: path, input: path))) {
            try BaseFileWriter(path: path, windows: windows, vocabularySize: 512, inputs: ["text", path])
        }
        #expect(try model.folder.names() == ["base", "model.ister"])
    }

    @Test func `a model does not diverge from its own base file by more than the codes' rounding`() throws {
        let evaluation = try BaseFileEvaluation(
            candidate: model.decoder(contextLength: 24), base: reader(bytes), firstToken: windows.firstToken)
        let statistics = try evaluation.run()
        #expect(statistics.candidate == loss)
        // Codes are 16 / 65535 apart; what lies 16 below the top is cut.
        #expect(statistics.divergences.allSatisfy { abs($0) < 2e-4 })
        #expect(statistics.sameTop.value == 1)
        #expect(abs(statistics.reference.mean.value - loss.mean.value) < 2e-4)
    }

    @Test func `another model's base gives the divergence of the lockstep run`() throws {
        let candidate = try StoriesModel(.q4)
        let base = try BaseFileEvaluation(
            candidate: candidate.decoder(contextLength: 24), base: reader(bytes), firstToken: windows.firstToken
        ).run()
        let direct = try DivergenceEvaluation(
            candidate: candidate.decoder(contextLength: 24), reference: model.decoder(contextLength: 24),
            windows: windows
        ).run()
        for (a, b) in zip(base.divergences, direct.divergences) { #expect(abs(a - b) < 3e-4) }
        #expect(base.count == direct.count)
    }

    @Test func `every truncation and one byte more are refused`() throws {
        for length in Array(0..<300) + [bytes.count / 2, bytes.count - 1] {
            #expect(throws: EvaluationError.self) { try reader(Array(bytes[..<length])) }
        }
        let path = model.folder.path + "/changed"
        let needed = bytes.count
        #expect(throws: EvaluationError.baseFile(path: path, .wrongLength(found: needed + 1, needed: needed))) {
            try reader(bytes + [0])
        }
        #expect(throws: EvaluationError.baseFile(path: path, .notABaseFile)) { try reader([0] + bytes[1...]) }
    }

    /// Offsets of context length, vocabulary size, window count.
    @Test(
        arguments: [8, 12, 16],
        [[0, 0, 0, 0], [255, 255, 255, 255], [255, 255, 255, 127], [3, 0, 0, 0]] as [[UInt8]])
    func `senseless counts are refused before memory is asked for`(offset: Int, count: [UInt8]) throws {
        var changed = bytes
        changed.replaceSubrange(offset..<offset + 4, with: count)
        #expect(throws: EvaluationError.self) { try reader(changed) }
    }

    @Test func `too many tokens and another vocabulary are refused before the tokens are read`() throws {
        let path = model.folder.path + "/changed"
        var changed = bytes
        // 2^12 windows of 2^13 tokens.
        changed.replaceSubrange(8..<20, with: [0, 0x20, 0, 0, 0, 2, 0, 0, 0, 0x10, 0, 0])
        #expect(throws: EvaluationError.baseFile(path: path, .tooManyTokens(found: 1 << 25, limit: 1 << 24))) {
            try reader(changed)
        }
        // Its length is wrong as well, which is looked at later.
        _ = try model.folder.write(bytes + [0], "changed")
        #expect(throws: EvaluationError.vocabularySizesDiffer(candidate: 511, reference: 512)) {
            try BaseFileReader(path: path, candidateVocabularySize: 511)
        }
        let base = model.folder.path + "/base"
        #expect(try BaseFileReader(path: base, candidateVocabularySize: 512).tokens == windows.tokens)
    }

    @Test func `a token outside the vocabulary and another vocabulary are refused`() throws {
        var changed = bytes
        changed.replaceSubrange(20 + 4 * 5..<24 + 4 * 5, with: [0, 2, 0, 0])
        let path = model.folder.path + "/changed"
        #expect(throws: EvaluationError.baseFile(path: path, .tokenOutOfRange(index: 5, id: 512, vocabularySize: 512)))
        {
            try reader(changed)
        }
        let other = try StoriesModel(fixture: "mistral-no-window")
        #expect(throws: EvaluationError.self) {
            _ = try BaseFileEvaluation(
                candidate: other.decoder(contextLength: 24), base: reader(bytes), firstToken: nil)
        }
    }

    @Test func `a damaged row is refused when it is read`() throws {
        var changed = bytes
        changed.replaceSubrange(20 + 4 * 48..<24 + 4 * 48, with: [0, 0, 192, 127])
        let evaluation = try BaseFileEvaluation(
            candidate: model.decoder(contextLength: 24), base: reader(changed), firstToken: 1)
        #expect(throws: EvaluationError.baseFile(path: model.folder.path + "/changed", .notFinite(row: 0))) {
            _ = try evaluation.run()
        }
        // The lowest log-probability raised to 0, so that all others are above.
        changed = bytes
        changed.replaceSubrange(24 + 4 * 48..<28 + 4 * 48, with: [0, 0, 0, 0])
        let raised = try BaseFileEvaluation(
            candidate: model.decoder(contextLength: 24), base: reader(changed), firstToken: 1)
        #expect(throws: EvaluationError.baseFile(path: model.folder.path + "/changed", .notProbabilities(row: 0))) {
            _ = try raised.run()
        }
    }
}
