import Foundation
import IsterDecoder
@testable import IsterEvaluation
import IsterModelFile
import IsterQuantizer
import Testing

@Suite struct DivergenceTests {
    @Test func `a model does not diverge from itself`() throws {
        let model = try StoriesModel(.q8)
        let windows = try model.windows(of: 24)
        let statistics = try DivergenceEvaluation(
            candidate: model.decoder(contextLength: 24), reference: model.decoder(contextLength: 24), windows: windows
        ).run()
        #expect(statistics.count == windows.count * windows.scoredPerWindow)
        #expect(statistics.divergences.allSatisfy { $0 == 0 })
        #expect(statistics.sameTop == MeasuredValue(value: 1, error: 0))
        #expect(statistics.ratio == MeasuredValue(value: 1, error: 0))
        #expect(statistics.rootMeanSquareProbabilityChange.value == 0)
    }

    @Test func `divergence, ratio and changes are those of the plain formulas`() throws {
        let (reference, candidate) = (try StoriesModel(.f32), try StoriesModel(.q4))
        let windows = try reference.windows(of: 32, limit: 2)
        let expected = try Plain(candidate: candidate, reference: reference, windows: windows)
        let found = try DivergenceEvaluation(
            candidate: candidate.decoder(contextLength: 32), reference: reference.decoder(contextLength: 32),
            windows: windows
        ).run()
        #expect(found.count == expected.divergences.count)
        for (value, plain) in zip(found.divergences, expected.divergences) { #expect(abs(value - plain) < 1e-11) }
        for (value, plain) in zip(found.probabilityChanges, expected.changes) { #expect(abs(value - plain) < 1e-12) }
        let pairs = expected.logRatios
        let mean = pairs.reduce(0, +) / Double(pairs.count)
        let variance = pairs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(pairs.count)
        #expect(abs(found.logRatio.value - mean) < 1e-12)
        #expect(abs(found.logRatio.error / (variance / Double(pairs.count - 1)).squareRoot() - 1) < 1e-8)
        #expect(found.sameTop.value == expected.sameTop)
        #expect(found.meanDivergence.value > 0.001)
    }

    /// Every figure by loops over copied logits.
    struct Plain {
        var divergences: [Double] = []
        var changes: [Double] = []
        var logRatios: [Double] = []
        var sameTop = 0.0

        init(candidate: StoriesModel, reference: StoriesModel, windows: TextWindows) throws {
            let decoders = try [candidate, reference].map { try $0.decoder(contextLength: windows.contextLength) }
            for index in 0..<windows.count {
                let window = windows.window(index)
                for decoder in decoders {
                    decoder.reset(sequence: 0)
                    try decoder.forward([TokenSlice(sequence: 0, tokens: window, logits: .all)])
                }
                for position in windows.firstScored...windows.contextLength - 2 {
                    let rows = decoders.map { plainLogSoftmax($0.copyLogits(row: position)) }
                    let target = Int(window[position + 1])
                    divergences.append(zip(rows[1], rows[0]).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) })
                    changes.append(exp(rows[0][target]) - exp(rows[1][target]))
                    logRatios.append(rows[1][target] - rows[0][target])
                    let tops = rows.map { row in row.indices.max { row[$0] < row[$1] } }
                    if tops[0] == tops[1] { sameTop += 1 }
                }
            }
            sameTop /= Double(divergences.count)
        }
    }

    /// A model whose first vector is no number any more.
    private func broken() throws -> Decoder {
        let model = try StoriesModel()
        let path = model.folder.path + "/model.ister"
        let norm = try #require(model.file.header.tensors.first { $0.format == "vector" })
        let writer = try #require(FileHandle(forWritingAtPath: path))
        try writer.seek(toOffset: UInt64(norm.offset))
        try writer.write(contentsOf: Data(repeating: 0xFF, count: norm.length))
        try writer.close()
        return try Decoder.forEvaluation(ModelFile.open(path: path), contextLength: 24, threads: 1)
    }

    @Test func `an error says whether it is the candidate's or the reference's`() throws {
        let model = try StoriesModel()
        let windows = try model.windows(of: 24)
        let (sound, broken) = (try model.decoder(contextLength: 24), try broken())
        #expect(throws: EvaluationError.reference(.notFinite)) {
            try DivergenceEvaluation(candidate: sound, reference: broken, windows: windows).run()
        }
        #expect(throws: EvaluationError.decoder(.notFinite)) {
            try DivergenceEvaluation(candidate: broken, reference: sound, windows: windows).run()
        }
    }

    @Test func `quantiles mix the two values around their place`() {
        let sorted = SortedValues([4, 1, 3, 2])
        #expect(sorted.quantile(0) == 1)
        #expect(sorted.quantile(1) == 4)
        #expect(sorted.quantile(0.5) == 2.5)
        #expect(abs(sorted.quantile(0.9) - 3.7) < 1e-15)
        #expect(SortedValues([]).quantile(0.5) == 0)
        #expect(SortedValues([7]).quantile(0.99) == 7)
    }

    @Test func `tokenizers that differ are refused also when they are of one size`() throws {
        #expect(throws: EvaluationError.tokenizersDiffer(candidate: "a", reference: "b")) {
            try DivergenceEvaluation.requireSameTokens(sizes: (512, 512), digests: ("a", "b"))
        }
    }

    @Test func `files with other token ids are not compared`() throws {
        let (stories, other) = (try StoriesModel(), try StoriesModel(fixture: "mistral-no-window"))
        let sizes = [stories, other].map(\.file.header.shape.vocabularySize)
        try #require(sizes[0] != sizes[1])
        #expect(throws: EvaluationError.vocabularySizesDiffer(candidate: sizes[0], reference: sizes[1])) {
            try DivergenceEvaluation.requireSameTokens(candidate: stories.file, reference: other.file)
        }
    }
}
