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

extension StoriesModel {
    func outcomes(_ items: [TaskItem], of suite: TaskSuite, sequenceCount: Int = 1) throws -> [TaskOutcome] {
        let decoder = try Decoder.forEvaluation(file, contextLength: 512, sequenceCount: sequenceCount, threads: 1)
        var outcomes: [TaskOutcome] = []
        try TaskEvaluation(decoder, tokenizer: tokenizer).ask(items, of: suite) { outcomes.append($0) }
        return outcomes
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
        let outcomes = try model.outcomes(suite.items, of: suite)
        #expect(outcomes.map(\.id) == golden.map(\.id))
        for (item, (found, expected)) in zip(suite.items, zip(outcomes, golden)) {
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
        let items = suite.items + suite.items.reversed()
        #expect(try model.outcomes(items, of: suite) == items.flatMap { try model.outcomes([$0], of: suite) })
    }

    @Test func `a model with a window shorter than the prompt gives the same scores with and without sharing`() throws {
        let model = try StoriesModel(fixture: "mistral-sliding-window")
        let suite = try TaskSuite.load("arc_easy", folder: GoldenScore.folder, shots: 1)
        let window = try #require(model.file.header.shape.layers.compactMap(\.window).min())
        #expect(window < 64)
        let alone = try suite.items.flatMap { try model.outcomes([$0], of: suite) }
        #expect(try model.outcomes(suite.items, of: suite) == alone)
    }

    /// Some texts end early and others at the limit, so that items join while others are being written.
    @Test(arguments: ["stories260K", "mistral-sliding-window"], [3, 16])
    func `texts written together are those written alone, and come in the items' order`(
        fixture: String, sequenceCount: Int
    ) throws {
        let model = try StoriesModel(fixture: fixture)
        let texts = ["one", "Tom saw a red ball and two dogs in the park.", "", "three small cats", "Lily?", "four"]
        let lines = texts.enumerated().map { #"{"id":"\#($0)","task":"mine","question":"\#($1)","answer_text":"3"}"# }
        let path = try model.folder.write(Array(lines.joined(separator: "\n").utf8), "mine.jsonl")
        let suite = try TaskSuite.load(path, folder: "")
        let together = try model.outcomes(suite.items, of: suite, sequenceCount: sequenceCount)
        #expect(together.map(\.id) == suite.items.map(\.id))
        #expect(Set(together.map(\.generated)).count > 1)
        #expect(try together == suite.items.flatMap { try model.outcomes([$0], of: suite) })
    }

    @Test func `a file may ask for scores and for texts in turns`() throws {
        let model = try StoriesModel()
        let lines = [
            #"{"id":"a","task":"mine","question":"Who?","choices":["a girl","a dog"],"answer":0}"#,
            #"{"id":"b","task":"mine","question":"How many?","answer_text":"3"}"#,
            #"{"id":"c","task":"mine","question":"How many more?","answer_text":"4"}"#,
            #"{"id":"d","task":"mine","question":"Who else?","choices":["a girl","a dog"],"answer":1}"#,
        ]
        let path = try model.folder.write(Array(lines.joined(separator: "\n").utf8), "mine.jsonl")
        let suite = try TaskSuite.load(path, folder: "")
        let together = try model.outcomes(suite.items, of: suite, sequenceCount: 2)
        #expect(together.map(\.id) == ["a", "b", "c", "d"])
        #expect(together.map { $0.generated != nil } == [false, true, true, false])
        #expect(try together == suite.items.flatMap { try model.outcomes([$0], of: suite) })
    }

    @Test func `a prompt that does not fit is refused by the item's name`() throws {
        let model = try StoriesModel()
        let suite = try TaskSuite.load("arc_easy", folder: GoldenScore.folder)
        let evaluation = try TaskEvaluation(model.decoder(contextLength: 16), tokenizer: model.tokenizer)
        #expect(throws: EvaluationError.self) { try evaluation.ask(suite.items, of: suite) { _ in } }
        do throws(EvaluationError) { try evaluation.ask(suite.items, of: suite) { _ in } } catch {
            #expect(error.description.hasPrefix("item arc_easy/0: "))
        }
    }
}
