import ArgumentParser
import IsterDecoder
import IsterEvaluation
import IsterModelFile
import IsterTokenizer

struct EvalTasks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks",
        abstract: "Asks a model the questions of benchmarks, or your own.",
        discussion: """
            Suites: \(SuiteDescription.knownNames.joined(separator: ", ")), read from --data DIR, or a .jsonl file \
            with one item a line: {"id": "1", "task": "mine", "question": "…", "choices": ["…", "…"], "answer": 0}. \
            With "context" instead of "question" a choice continues a text; with "passage" beside "question" a text \
            stands before it; with "answer_text" instead of choices the model writes and the number is compared. \
            Prompts follow lm-evaluation-harness.
            """)

    @Argument(help: "A .ister file.") var model: String
    @Option(help: "Suites or .jsonl files, separated by commas.") var suite: String
    @Option(help: "The folder of the suites' files.") var data = "."
    @Option(help: "Most items of a suite, taken at equal distances.") var limit: Int?
    @Option(help: "Examples before each question; by default as usual for the suite.") var shots: Int?
    @Option(help: "The run file of another model: tells which answers flipped.") var reference: String?
    @Option(help: "Further run files for the report; may be given again.") var compare: [String] = []
    @Option(name: [.customShort("o"), .long], help: "Writes each answer when it is there, as JSON lines.")
    var output: String?
    @Flag(help: "Goes on with the run in --output.") var resume = false
    @Option(help: "Writes a report with pictures.") var html: String?
    @Flag(help: "One JSON document on stdout.") var json = false
    @OptionGroup var threadOption: ThreadOption

    func validate() throws {
        if resume, output == nil { throw ValidationError("--resume goes with --output.") }
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit); it must be 1 or more") }
    }

    func run() throws {
        let suites = try suite.split(separator: ",").map { name throws(Failure) in
            try evaluating(data) { try TaskSuite.load(String(name), folder: data, shots: shots, limit: limit) }
        }
        guard !suites.isEmpty else { throw Failure(.usage, "--suite names nothing") }
        try requireOwnNames(suites)
        let others = try ([reference].compactMap { $0 } + compare).map { path throws(Failure) in
            try evaluating(path) { try TaskRunFile(reading: path) }
        }
        for other in others {
            for suite in suites { try evaluating(model) { try other.requireSame(suite) } }
        }
        try checkOutputs()
        let evaluated = try EvaluatedModel(model, threads: threadOption.threads)
        let run = try runFile(evaluating(model) { try RunModel(evaluated.file) })
        let start = ContinuousClock.now
        try ask(suites, evaluated, run)
        let seconds = start.duration(to: .now) / .seconds(1)
        let report = EvalTasksReport(
            suites: suites, run: run, reference: reference == nil ? nil : others.first, others: others)
        // First, so that a report that cannot be written takes nothing along.
        try StandardOutput.write(json ? report.json(seconds: seconds).line : Array(report.table.utf8))
        if let html {
            try evaluating(html) { try ReportFile.write(report.page.html, to: html, inputs: inputsOfReport) }
        }
    }

    /// A run and its report tell suites apart by name.
    private func requireOwnNames(_ suites: [TaskSuite]) throws(Failure) {
        var names: Set<String> = []
        for suite in suites where !names.insert(suite.name).inserted {
            throw Failure(.usage, "--suite: two suites have the name \(suite.name)")
        }
    }

    private var inputs: [String] {
        let files = suite.split(separator: ",").flatMap { TaskSuite.paths(of: String($0), folder: data) }
        return [model] + files + [reference].compactMap { $0 } + compare
    }

    private var inputsOfReport: [String] { inputs + [output].compactMap { $0 } }

    /// Before the questions are asked, which can take hours.
    private func checkOutputs() throws(Failure) {
        if let output {
            try evaluating(output) { try ReportFile.check(output, inputs: inputs, isExtended: true) }
            if !resume, FileStatus.exists(output) {
                throw Failure(.cannotCreate, "\(output): exists; --resume goes on with it")
            }
        }
        if let html {
            try evaluating(html) { try ReportFile.check(html, inputs: inputsOfReport) }
        }
    }

    private func runFile(_ model: RunModel) throws(Failure) -> TaskRunFile {
        guard let output else { return TaskRunFile(model: model) }
        return try evaluating(output) { try TaskRunFile(extending: output, model: model) }
    }

    private func ask(_ suites: [TaskSuite], _ model: EvaluatedModel, _ run: TaskRunFile) throws(Failure) {
        // The cache's pages are touched when they are used, so a long context costs nothing by itself.
        let length = min(model.file.header.shape.contextLength, 8192)
        let texts = suites.reduce(0) { count, suite in count + suite.items.count(where: suite.isWritten) }
        let decoder = try model.decoder(
            contextLength: length, sequenceCount: model.sequenceCount(texts: texts, contextLength: length),
            threads: threadOption.threads)
        try evaluating(model.path) {
            let tokenizer = try model.file.tokenizer()
            let evaluation = try TaskEvaluation(
                decoder, tokenizer: tokenizer, endIDs: model.file.endTokens(tokenizer))
            let missing = suites.map { suite in suite.items.filter { run.outcome($0, of: suite) == nil } }
            for (suite, missing) in zip(suites, missing) { try evaluation.requireRoom(missing, of: suite) }
            for (suite, missing) in zip(suites, missing) {
                try run.begin(suite)
                let bar = ProgressBar()
                defer { bar.clear() }
                var done = suite.items.count - missing.count
                bar.show(done: done, total: suite.items.count, label: suite.name)
                try evaluation.ask(missing, of: suite) { (outcome) throws(EvaluationError) in
                    try run.add(outcome)
                    done += 1
                    bar.show(done: done, total: suite.items.count, label: "\(suite.name) \(done)")
                }
            }
        }
    }
}
