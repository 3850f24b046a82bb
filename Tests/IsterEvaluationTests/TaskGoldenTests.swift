import Foundation
import IsterDecoder
import IsterEvaluation
import IsterModelFile
import IsterTokenizer
import Testing

/// Scores by transformers in float32 (`Tools/golden-evaluation.py`).
struct GoldenScore: Decodable {
    var suite: String
    var id: String
    var scores: [Double]?
    var chosen: Int?
    var chosenNormalized: Int?
    var generated: String?
    var trueShare: Double?

    enum CodingKeys: String, CodingKey {
        case suite, id, scores, chosen, generated
        case chosenNormalized = "chosen_norm"
        case trueShare = "mc2"
    }

    static let folder = Bundle.module.bundlePath + "/Golden"

    static func all() throws -> [GoldenScore] {
        let text = try String(contentsOfFile: folder + "/golden.jsonl", encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONDecoder().decode(Self.self, from: Data($0.utf8)) }
    }
}

@Suite struct TaskGoldenTests {
    static let suites: [(String, Int?)] = [
        ("mmlu", 1), ("winogrande", 1), ("gsm8k", 1), ("arc_easy", 1), ("arc_challenge", 1), ("openbookqa", 1),
        ("truthfulqa", nil), ("hellaswag", nil), ("piqa", nil), ("boolq", nil),
    ]

    @Test(arguments: suites)
    func `scores, choices and texts are those of transformers`(name: String, shots: Int?) throws {
        let suite = try TaskSuite.load(name, folder: GoldenScore.folder, shots: shots)
        let golden = try GoldenScore.all().filter { $0.suite == name }
        #expect(golden.count == suite.items.count)
        let model = try StoriesModel()
        let evaluation = try TaskEvaluation(model.decoder(contextLength: 512), tokenizer: model.tokenizer)
        for (item, expected) in zip(suite.items, golden) {
            let found = try evaluation.outcome(item, of: suite)
            #expect(found.id == expected.id)
            #expect(found.chosen == expected.chosen)
            #expect(found.chosenNormalized == expected.chosenNormalized)
            #expect(found.generated == expected.generated)
            #expect(found.scores.count == expected.scores?.count ?? 0)
            for (a, b) in zip(found.scores, expected.scores ?? []) { #expect(abs(a - b) < 1e-3, "\(item.id)") }
            #expect(abs((found.trueShare ?? 0) - (expected.trueShare ?? 0)) < 1e-3)
            #expect((found.trueShare == nil) == (expected.trueShare == nil))
        }
    }

    @Test func `shared prefixes change no bit of a score`() throws {
        let model = try StoriesModel()
        let suite = try TaskSuite.load("mmlu", folder: GoldenScore.folder, shots: 1)
        let together = try TaskEvaluation(model.decoder(contextLength: 512), tokenizer: model.tokenizer)
        for item in suite.items + suite.items.reversed() {
            let alone = try TaskEvaluation(model.decoder(contextLength: 512), tokenizer: model.tokenizer)
            #expect(try together.outcome(item, of: suite) == alone.outcome(item, of: suite))
        }
    }

    @Test func `a model with a window shorter than the prompt gives the same scores with and without sharing`() throws {
        let model = try StoriesModel(fixture: "mistral-sliding-window")
        let suite = try TaskSuite.load("arc_easy", folder: GoldenScore.folder, shots: 1)
        let window = try #require(model.file.header.shape.layers.compactMap(\.window).min())
        #expect(window < 64)
        let together = try TaskEvaluation(model.decoder(contextLength: 512), tokenizer: model.tokenizer)
        for item in suite.items {
            let alone = try TaskEvaluation(model.decoder(contextLength: 512), tokenizer: model.tokenizer)
            #expect(try together.outcome(item, of: suite) == alone.outcome(item, of: suite))
        }
    }

    @Test func `a prompt that does not fit is refused by the item's name`() throws {
        let model = try StoriesModel()
        let suite = try TaskSuite.load("arc_easy", folder: GoldenScore.folder)
        let evaluation = try TaskEvaluation(model.decoder(contextLength: 16), tokenizer: model.tokenizer)
        #expect(throws: EvaluationError.self) { _ = try evaluation.outcome(suite.items[0], of: suite) }
        do throws(EvaluationError) { _ = try evaluation.outcome(suite.items[0], of: suite) } catch {
            #expect(error.description.hasPrefix("item arc_easy/0: "))
        }
    }
}
