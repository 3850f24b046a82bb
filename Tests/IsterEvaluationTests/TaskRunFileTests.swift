import Foundation
@testable import IsterEvaluation
import IsterModelFile
import IsterQuantizer
import Testing

@Suite struct TaskRunFileTests {
    let model: StoriesModel
    let suite: TaskSuite
    var path: String { model.folder.path + "/run.jsonl" }

    init() throws {
        model = try StoriesModel()
        suite = try TaskSuite.load("hellaswag", folder: GoldenScore.folder)
    }

    private func outcome(_ index: Int, isCorrect: Bool) -> TaskOutcome {
        TaskOutcome(
            suite: suite.name, id: suite.items[index].id, scores: [-1.5, -2.25, -1e-300], chosen: isCorrect ? 0 : 1,
            chosenNormalized: isCorrect ? 0 : 1, isCorrect: isCorrect, isCorrectNormalized: isCorrect, trueShare: nil,
            generated: nil)
    }

    @Test func `a run goes on where it was interrupted, also in the middle of a line`() throws {
        let first = outcome(0, isCorrect: true)
        do {
            let run = try TaskRunFile(extending: path, model: RunModel(model.file))
            try run.begin(suite)
            try run.add(first)
            try run.add(outcome(1, isCorrect: false))
        }
        let whole = try model.folder.read("run.jsonl")
        for cut in [1, 5, 40] {
            _ = try model.folder.write(Array(whole.dropLast(cut)), "run.jsonl")
            let run = try TaskRunFile(extending: path, model: RunModel(model.file))
            #expect(run.outcomes(of: suite) == [first])
            try run.begin(suite)
            try run.add(outcome(1, isCorrect: false))
            #expect(try model.folder.read("run.jsonl") == whole)
        }
        #expect(try TaskRunFile(reading: path).outcomes(of: suite).count == 2)
    }

    @Test func `a corrupt line of a run is refused by its number`() throws {
        let run = try TaskRunFile(extending: path, model: RunModel(model.file))
        try run.begin(suite)
        try run.add(outcome(0, isCorrect: true))
        var bytes = try model.folder.read("run.jsonl")
        let lines = JSONLines.split(bytes)
        bytes[lines[1].offset] = UInt8(ascii: "x")
        _ = try model.folder.write(bytes, "run.jsonl")
        #expect(throws: EvaluationError.run(path: path, line: 2, reason: "not JSON")) {
            try TaskRunFile(reading: path)
        }
        _ = try model.folder.write(Array("{}\n".utf8), "run.jsonl")
        #expect(
            throws: EvaluationError.run(
                path: path, line: 1, reason: "no run file: its first line does not name a model")
        ) {
            try TaskRunFile(reading: path)
        }
        _ = try model.folder.write([], "run.jsonl")
        #expect(throws: EvaluationError.run(path: path, line: 1, reason: "no run file: it is empty")) {
            try TaskRunFile(reading: path)
        }
    }

    @Test(arguments: [
        "{\"model\": \"mine\"}", "notes", "{}\nnotes", "\n", "\n\n{\"id\":1}",
    ])
    func `a file that is no run is refused and keeps its bytes`(text: String) throws {
        _ = try model.folder.write(Array(text.utf8), "run.jsonl")
        #expect(
            throws: EvaluationError.run(
                path: path, line: 1, reason: "no run file: its first line does not name a model")
        ) {
            try TaskRunFile(extending: path, model: RunModel(model.file))
        }
        #expect(try model.folder.read("run.jsonl") == Array(text.utf8))
    }

    @Test func `another model's run keeps its last line, also one that was cut short`() throws {
        do { try TaskRunFile(extending: path, model: RunModel(model.file)).begin(suite) }
        let whole = try model.folder.read("run.jsonl")
        _ = try model.folder.write(whole.dropLast(3), "run.jsonl")
        var other = try RunModel(model.file)
        other.fingerprint = "0"
        #expect(throws: EvaluationError.self) { try TaskRunFile(extending: path, model: other) }
        #expect(try model.folder.read("run.jsonl") == whole.dropLast(3))
    }

    @Test func `a run file beyond 256 MiB is refused before it is read, and stays as it is`() throws {
        _ = try model.folder.write([], "run.jsonl")
        let bytes = TaskRunFile.byteLimit + 1
        let made = unsafe truncate(path, bytes)
        #expect(made == 0)
        let error = EvaluationError.run(path: path, line: 1, reason: "\(bytes) bytes; at most \(bytes - 1) are read")
        #expect(throws: error) { try TaskRunFile(reading: path) }
        #expect(throws: error) { try TaskRunFile(extending: path, model: RunModel(model.file)) }
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        #expect(size == bytes)
    }

    @Test func `a pipe is no run file`() throws {
        let made = unsafe mkfifo(path, 0o600)
        #expect(made == 0)
        #expect(throws: EvaluationError.missing(path: path, reason: "not a regular file")) {
            try TaskRunFile(extending: path, model: RunModel(model.file))
        }
    }

    @Test func `a run file that cannot be created is no input/output error`() throws {
        let path = model.folder.path + "/none/run.jsonl"
        #expect(throws: EvaluationError.output(.cannotCreate(path: path, reason: "No such file or directory"))) {
            try TaskRunFile(extending: path, model: RunModel(model.file))
        }
    }

    @Test func `runs of another model, other items or other shots are not mixed`() throws {
        let run = try TaskRunFile(extending: path, model: RunModel(model.file))
        try run.begin(suite)
        let other = try StoriesModel(.q8)
        #expect(throws: EvaluationError.self) { try TaskRunFile(extending: path, model: RunModel(other.file)) }
        let changed = TaskSuite(
            name: suite.name, items: suite.items, shotCount: 0, digest: "0", isNormalized: true, style: suite.style,
            pool: [:], primer: "")
        #expect(throws: EvaluationError.self) { try run.begin(changed) }
        let shots = TaskSuite(
            name: suite.name, items: suite.items, shotCount: 3, digest: suite.digest, isNormalized: true,
            style: suite.style, pool: [:], primer: "")
        #expect(
            throws: EvaluationError.runOfOther(
                path: path, what: "number of shots for hellaswag", found: "0", needed: "3")
        ) { try TaskRunFile(reading: path).requireSame(shots) }
    }

    @Test func `the same items asked in another way are another version`() throws {
        let own = try TaskSuite.load(GoldenScore.folder + "/hellaswag.jsonl", folder: "")
        #expect(own.name == suite.name && own.shotCount == suite.shotCount && own.items == suite.items)
        let run = try TaskRunFile(extending: path, model: RunModel(model.file))
        try run.begin(suite)
        #expect(throws: EvaluationError.self) { try run.begin(own) }
        #expect(throws: EvaluationError.self) { try run.requireSame(own) }
    }

    @Test func `a model is told by its shape and its weights, not by its name`() throws {
        var header = model.file.header
        let fingerprint = try header.fingerprint()
        header.provenance.recipe = "another"
        header.certificate = nil
        #expect(try header.fingerprint() == fingerprint)
        header.shape.normEpsilon *= 2
        #expect(try header.fingerprint() != fingerprint)
    }

    @Test func `flips tell how many items both runs have, and cut texts are counted`() throws {
        var cut = outcome(2, isCorrect: false)
        cut.cut = .context
        let now = [outcome(0, isCorrect: true), outcome(1, isCorrect: false), cut]
        let summary = TaskSummary(suite, now, reference: [outcome(0, isCorrect: true)])
        #expect(summary.flips?.itemCount == 1 && summary.itemCount == 3)
        #expect(summary.cutByContext == 1 && summary.cutByLimit == 0)
    }

    @Test func `flips count the items whose correctness changed`() throws {
        let now = [outcome(0, isCorrect: true), outcome(1, isCorrect: false), outcome(2, isCorrect: false)]
        let before = [outcome(0, isCorrect: false), outcome(1, isCorrect: true), outcome(2, isCorrect: false)]
        let flips = try #require(TaskSummary(suite, now, reference: before).flips)
        let found = [flips.itemCount, flips.toRight, flips.toWrong, flips.otherAnswers]
        #expect(found == [3, 1, 1, 2])
        #expect(TaskSummary(suite, now).flips == nil)
        let none = try #require(TaskSummary(suite, now, reference: now).flips)
        let unchanged = [none.itemCount, none.toRight, none.toWrong, none.otherAnswers]
        #expect(unchanged == [3, 0, 0, 0])
    }

    @Test func `the error of an accuracy is that of a sample of yes and no`() {
        let accuracy = TaskSummary(suite, [outcome(0, isCorrect: true), outcome(1, isCorrect: false)]).accuracy
        #expect(accuracy.value == 0.5)
        #expect(abs(accuracy.error - 0.5) < 1e-12)
    }

    @Test func `the report is one page that shows every run and hides no markup of names`() throws {
        var named = try RunModel(model.file)
        named.name = "<b>&\"x\""
        let summary = TaskSummary(suite, [outcome(0, isCorrect: true)])
        let page = try ReportPage([
            .init(model: named, summaries: [summary]), .init(model: RunModel(model.file), summaries: []),
        ])
        let html = page.html
        #expect(html.contains("&lt;b&gt;&amp;&quot;x&quot;"))
        #expect(!html.contains("<b>"))
        #expect(html.components(separatedBy: "<svg").count == 4)
        #expect(!html.contains("http") && !html.contains("<script") && !html.contains("nan"))
    }
}
