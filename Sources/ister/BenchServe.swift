import ArgumentParser
import IsterEvaluation

struct BenchServe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-serve",
        abstract: "Measures a running server under load.",
        discussion: """
            Sends streamed /v1/completions requests to any OpenAI-compatible server and reports the times that vLLM's \
            benchmark reports: to the first token (TTFT), per token after it (TPOT), between pieces of text (ITL) and \
            of the whole request (E2EL). Prompts are random token ids where the server takes them, else random words \
            of about that many tokens; the report says which. End tokens are ignored (ignore_eos), so that answers \
            have their full length. The key is read from ISTER_API_KEY, OPENAI_API_KEY or --api-key-file.
            """)

    @Argument(help: "Where the server is: http://127.0.0.1:8080") var url: String
    @Option(help: "The model to ask for; by default the first that the server lists.") var model: String?
    @Option(help: "A file that holds the API key.") var apiKeyFile: String?
    @Option(help: "Clients that each send a request when their last is answered; 8 by default.") var clients: Int?
    @Option(help: "Requests a second instead of clients: they arrive at random (Poisson), answered or not.")
    var rate: Double?
    @Option(help: "Requests; by default 4 a client, or 32.") var requests: Int?
    @Option(help: "Tokens of a prompt.") var promptTokens = 256
    @Option(help: "Tokens of an answer.") var answerTokens = 64
    @Option(help: "Tokens at the start of all prompts that are the same.") var sharedPrefix = 0
    @Option(help: "Adds one prompt of so many tokens when half of the answers has come; tells its effect on them.")
    var longPrompt: Int?
    @Option(help: "Requests before the measurement, one after the other.") var warmup = 1
    @Option(
        help: """
            The same seed sends the same prompts at the same times; what the server still has of them in its cache is \
            measured, too. Random by default, and reported.
            """)
    var seed: UInt64?
    @Flag(help: "Sends words even if the server takes token ids.") var text = false
    @Option(help: "Seconds that a request may take.") var timeout = 600
    @Option(name: .customShort("o"), help: "Form of the output.") var output = Bench.Output.md
    @Option(help: "Draws the load and the latencies into this file.") var svg: String?

    func validate() throws {
        if clients != nil, rate != nil { throw ValidationError("give either --clients or --rate") }
        try check("--clients", clients ?? 1, 1...4096)
        try check("--requests", requests ?? 1, 1...1_000_000)
        try check("--prompt-tokens", promptTokens, 1...1_000_000)
        try check("--answer-tokens", answerTokens, 1...1_000_000)
        try check("--shared-prefix", sharedPrefix, 0...promptTokens)
        try check("--long-prompt", longPrompt ?? 1, 1...1_000_000)
        try check("--warmup", warmup, 0...1000)
        try check("--timeout", timeout, 1...86_400)
        if let rate, !(rate >= 1e-6 && rate <= 1e4) {
            throw ValidationError("--rate is \(rate); it must be 0.000001 to 10000")
        }
    }

    private func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
        guard range.contains(value) else {
            throw ValidationError("\(name) is \(value); it must be \(range.lowerBound) to \(range.upperBound)")
        }
    }

    private func plan(seed: UInt64) -> BenchServePlan {
        let arrival = rate.map(BenchServePlan.Arrival.rate) ?? .clients(clients ?? 8)
        let count = requests ?? rate.map { _ in 32 } ?? 4 * (clients ?? 8)
        return BenchServePlan(
            arrival: arrival, requestCount: count, promptTokens: promptTokens, answerTokens: answerTokens,
            sharedPrefix: sharedPrefix, longPrompt: longPrompt, warmupCount: warmup, seed: seed)
    }

    func run() async throws {
        let key = try BenchServeKey.read(file: apiKeyFile)
        // Below 2^63: who reads the report may have no larger whole numbers.
        let plan = plan(seed: seed ?? UInt64.random(in: 0...UInt64(Int64.max)))
        let server = try BenchServeConnection(
            url: url, key: key, timeout: timeout, connections: plan.mostUnanswered)
        do {
            let outcome = try await measure(server, plan)
            await server.close()
            try report(outcome)
        } catch {
            await server.close()
            throw Failure(error, file: url)
        }
    }

    private func measure(
        _ server: BenchServeConnection, _ plan: BenchServePlan
    ) async throws -> BenchServeOutcome {
        let name: String
        if let model { name = model } else { name = try await server.firstModel() }
        let prompts = try await BenchServePrompts.suited(to: server, model: name, textOnly: text, seed: plan.seed)
        let load = BenchServeLoad(plan: plan, server: server, model: name, prompts: prompts)
        return try await load.run()
    }

    private func report(_ outcome: BenchServeOutcome) throws {
        if let failure = outcome.records.lazy.compactMap(\.failure).first {
            let count = outcome.records.count - outcome.completed.count
            guard !outcome.completed.isEmpty else {
                throw Failure(.inputOutput, "\(url): all \(count) requests failed; the first: \(failure)")
            }
            StandardError.write("\(count) of \(outcome.records.count) requests failed; the first: \(failure)\n")
        }
        let report = BenchServeReport(outcome: outcome)
        try StandardOutput.write(report.text(output))
        if let svg {
            let picture = BenchServePicture(outcome: outcome).svg
            try evaluating(svg) { try ReportFile.write(picture, to: svg) }
        }
        // It was asked for, and all the rest has been told.
        if let failure = outcome.long?.failure {
            throw Failure(.inputOutput, "\(url): the long prompt failed: \(failure)")
        }
    }
}
