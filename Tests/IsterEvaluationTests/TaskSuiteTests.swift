import Foundation
@testable import IsterEvaluation
import Testing

@Suite struct TaskSuiteTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func load(_ lines: String, shots: Int? = nil) throws(EvaluationError) -> TaskSuite {
        let path = folder.path + "/mine.jsonl"
        guard (try? folder.write(Array(lines.utf8), "mine.jsonl")) != nil else { throw .emptyText }
        return try TaskSuite.load(path, folder: ".", shots: shots)
    }

    private func reason(_ lines: String) -> String {
        do throws(EvaluationError) { _ = try load(lines) } catch { return error.description }
        return ""
    }

    static let good = #"{"id":"a","task":"mine","question":"Is it?","choices":["yes","no"],"answer":1}"#

    @Test func `a user's items are asked as question and answer`() throws {
        let suite = try load(Self.good + "\n\n" + Self.good.replacingOccurrences(of: "\"a\"", with: "\"b\""))
        #expect(suite.name == "mine")
        #expect(suite.items.map(\.id) == ["a", "b"])
        let context = "Question: Is it?\nAnswer:"
        let expected = [" yes", " no"].map { ScoredText(context: context, continuation: $0) }
        #expect(suite.prompt(suite.items[0]) == TaskPrompt.score(expected))
    }

    @Test func `a user's item with the task name of a benchmark is asked as its fields say`() throws {
        for task in ["openbookqa", "truthfulqa_mc", "winogrande", "hellaswag"] {
            let line = Self.good.replacingOccurrences(of: "mine", with: task)
            let suite = try load(line)
            let context = "Question: Is it?\nAnswer:"
            let expected = [" yes", " no"].map { ScoredText(context: context, continuation: $0) }
            #expect(suite.prompt(suite.items[0]) == TaskPrompt.score(expected), "\(task)")
        }
    }

    @Test func `items and examples of a benchmark are asked in its style, whatever task they name`() throws {
        let item = Self.good.replacingOccurrences(of: "mine", with: "winogrande")
            .replacingOccurrences(of: "\"answer\"", with: "\"contexts\":[\"x\"],\"continuation\":\" z\",\"answer\"")
        try FileManager.default.createDirectory(
            atPath: folder.path + "/fewshot", withIntermediateDirectories: true)
        _ = try folder.write(Array(item.utf8), "arc_challenge.jsonl")
        _ = try folder.write(Array(item.utf8), "fewshot/arc_challenge_dev.jsonl")
        let suite = try TaskSuite.load("arc_challenge", folder: folder.path, shots: 1)
        let context = "Question: Is it?\nAnswer: no\n\nQuestion: Is it?\nAnswer:"
        let expected = [" yes", " no"].map { ScoredText(context: context, continuation: $0) }
        #expect(suite.prompt(suite.items[0]) == TaskPrompt.score(expected))
    }

    @Test func `the files that a suite is made of are known before they are read`() {
        #expect(TaskSuite.paths(of: "mine.jsonl", folder: "data") == ["mine.jsonl"])
        let paths = ["data/truthfulqa_mc.jsonl", "data/qa_primer.txt"]
        #expect(TaskSuite.paths(of: "truthfulqa", folder: "data") == paths)
        #expect(TaskSuite.paths(of: "mmlu", folder: "data").contains("data/fewshot/mmlu_dev.jsonl"))
    }

    @Test(arguments: [
        ("{\"id\":\"b\"", "not JSON"), ("[]", "the line is no"),
        (#"{"task":"mine"}"#, "\"id\" is missing"), (#"{"id":"b","task":"mine"}"#, "\"question\" is missing"),
        (#"{"id":"b","task":"mine","question":"q","choices":["x"],"answer":0}"#, "1 choices; at least 2"),
        (#"{"id":"b","task":"mine","question":"q","choices":["x","y"],"answer":2}"#, "\"answer\" is 2"),
        (#"{"id":"b","task":"mine","question":"q","choices":["x","y"],"answer":-1}"#, "\"answer\" is -1"),
        (#"{"id":"b","task":"mine","question":"q","choices":["x",""],"answer":0}"#, "choice 1 is empty"),
        (#"{"id":"b","task":"mine","question":"q","choices":"x","answer":0}"#, "\"choices\" is no"),
        (#"{"id":"a","task":"mine","question":"q","choices":["x","y"],"answer":0}"#, "id \"a\" is that of line 1"),
        (#"{"id":"b","task":"gsm8k","question":"q","answer_text":"none"}"#, "no number"),
        (#"{"id":"b","task":"w","choices":["x","y"],"answer":0,"contexts":["x"],"continuation":" z"}"#, "1 contexts"),
        (String(repeating: "[", count: 100_000), "nested deeper"),
    ])
    func `a corrupt line is refused by file and line number`(line: String, part: String) {
        let reason = reason(Self.good + "\n" + line + "\n")
        #expect(reason.hasPrefix(folder.path + "/mine.jsonl: line 2: "), "\(reason)")
        #expect(reason.contains(part), "\(reason)")
    }

    @Test func `missing files, unknown names and shots without examples are refused`() throws {
        #expect(throws: EvaluationError.noItems(path: folder.path + "/mine.jsonl")) { try load("\n \n") }
        #expect(throws: EvaluationError.unknownSuite(name: "mmmlu", known: SuiteDescription.knownNames)) {
            try TaskSuite.load("mmmlu", folder: ".")
        }
        #expect(throws: EvaluationError.missing(path: "./none.jsonl", reason: "No such file or directory")) {
            try TaskSuite.load("./none.jsonl", folder: ".")
        }
        #expect(throws: EvaluationError.notEnoughShots(path: "suite piqa", found: 0, needed: 1)) {
            try TaskSuite.load("piqa", folder: GoldenScore.folder, shots: 1)
        }
        #expect(
            throws: EvaluationError.notEnoughShots(
                path: GoldenScore.folder + "/fewshot/gsm8k_train.jsonl", found: 1, needed: 5)
        ) {
            try TaskSuite.load("gsm8k", folder: GoldenScore.folder)
        }
    }

    @Test func `a limit takes items at equal distances`() throws {
        let lines = (0..<10).map { Self.good.replacingOccurrences(of: "\"a\"", with: "\"\($0)\"") }
        let path = try folder.write(Array(lines.joined(separator: "\n").utf8), "ten.jsonl")
        #expect(try TaskSuite.load(path, folder: ".", limit: 4).items.map(\.id) == ["0", "2", "5", "7"])
        #expect(try TaskSuite.load(path, folder: ".", limit: 40).items.count == 10)
    }

    @Test func `letters, subjects and stripped questions make the prompt of MMLU`() throws {
        let suite = try TaskSuite.load("mmlu", folder: GoldenScore.folder, shots: 1)
        let context =
            "The following are multiple choice questions (with answers) about small animals.\n\nWhich one swims?\n"
            + "A. A hen\nB. A cat\nC. A bee\nD. A fish\nAnswer: D\n\nWhat does a cat say?\nA. Woof\nB. Meow\nC. Moo\n"
            + "D. Tweet\nAnswer:"
        let expected = ["A", "B", "C", "D"].map { ScoredText(context: context, continuation: " " + $0) }
        #expect(suite.prompt(suite.items[0]) == TaskPrompt.score(expected))
    }

    @Test func `each subject is asked after its own examples, in their order`() throws {
        func line(_ id: String, _ subject: String) -> String {
            Self.good.replacingOccurrences(of: "\"a\"", with: "\"\(id)\"")
                .replacingOccurrences(of: "Is it?", with: id)
                .replacingOccurrences(of: "\"answer\"", with: "\"subject\":\"\(subject)\",\"answer\"")
        }
        func write(_ lines: [String], _ name: String) throws {
            _ = try folder.write(Array(lines.joined(separator: "\n").utf8), name)
        }
        try FileManager.default.createDirectory(atPath: folder.path + "/fewshot", withIntermediateDirectories: true)
        try write([line("q", "s"), line("r", "t")], "mmlu.jsonl")
        let examples = ["t1", "s1", "t2", "s2", "s3"]
        try write(examples.map { line($0, String($0.prefix(1))) }, "fewshot/mmlu_dev.jsonl")
        let suite = try TaskSuite.load("mmlu", folder: folder.path, shots: 2)
        for (item, wanted) in zip(suite.items, [["s1", "s2", "q"], ["t1", "t2", "r"]]) {
            guard case .score(let texts) = suite.prompt(item), let context = texts.first?.context else {
                Issue.record("\(item.id) has no prompt")
                continue
            }
            let places = (examples + ["q", "r"]).filter { context.contains("\n\($0)\nA.") }
            #expect(places == wanted)
        }
        #expect(
            throws: EvaluationError.notEnoughShots(
                path: folder.path + "/fewshot/mmlu_dev.jsonl, subject t", found: 2, needed: 3)
        ) { try TaskSuite.load("mmlu", folder: folder.path, shots: 3) }
    }

    @Test(
        arguments: [
            ("so 3 + 4 = 7\n#### 7\n\n1", 7), ("#### 1,234.50 dollars", 1234.5), ("the answer is $-12.", -12),
            ("first 3, then 5", 5), ("#### none, but 8", 8), ("", nil), ("no digits ####", nil), ("3,", 3),
        ] as [(String, Double?)])
    func `the number of an answer stands after the mark or is the last one`(text: String, number: Double?) {
        #expect(TaskAnswer.number(text) == number)
    }
}
