/// A server's benchmark as text, with the names of vLLM's.
struct BenchServeReport {
    let outcome: BenchServeOutcome

    func text(_ output: Bench.Output) -> [UInt8] {
        switch output {
        case .md: Array(markdown.utf8)
        case .json: JSONText.object(members + [("requests", .array(outcome.records.map(Self.record)))]).line
        case .csv: Array(csv.utf8)
        }
    }

    private var clients: Int? {
        if case .clients(let count) = outcome.plan.arrival { count } else { nil }
    }

    private var rate: Double? {
        if case .rate(let rate) = outcome.plan.arrival { rate } else { nil }
    }

    private var promptForm: String {
        switch outcome.promptForm {
        case .ids: "token ids"
        case .words: "words"
        }
    }

    private var members: [(String, JSONText)] {
        var all: [(String, JSONText)] = [
            ("build_version", .string(Ister.toolVersion)), ("url", .string(outcome.url)),
            ("model_id", .string(outcome.model)), ("max_concurrency", .optional(clients)),
            ("request_rate", .optional(rate)), ("prompt_form", .string(promptForm)),
            ("prompt_tokens", .integer(outcome.plan.promptTokens)),
            ("answer_tokens", .integer(outcome.plan.answerTokens)),
            ("shared_prefix", .integer(outcome.plan.sharedPrefix)), ("seed", .unsigned(outcome.plan.seed)),
            ("completed", .integer(outcome.completed.count)),
            ("failed", .integer(outcome.records.count - outcome.completed.count)),
            ("duration", .number(outcome.duration)), ("total_input_tokens", .integer(outcome.promptTokens)),
            ("cached_input_tokens", .integer(outcome.cachedTokens)),
            ("total_output_tokens", .integer(outcome.answerTokens)),
            ("request_throughput", .number(outcome.perSecond(outcome.completed.count))),
            ("output_throughput", .number(outcome.perSecond(outcome.answerTokens))),
            ("total_token_throughput", .number(outcome.perSecond(outcome.answerTokens + outcome.promptTokens))),
        ]
        for (name, values) in outcome.latencies { all += Self.latency(name, values) }
        if outcome.plan.longPrompt != nil {
            all.append(("long_prompt_tokens", .optional(outcome.long?.promptTokens)))
            all.append(("long_prompt_ttft_ms", .optional(longTime.map { $0 * 1000 })))
            all.append(("long_prompt_error", .optional(outcome.long?.failure)))
            all += Self.latency("itl_during_long_prompt", outcome.gapsDuringLongPrompt ?? [])
        }
        return all
    }

    /// nil: there was no long prompt, or it failed.
    private var longTime: Double? { outcome.long?.failure == nil ? outcome.long?.timeToFirstToken : nil }

    private static func latency(_ name: String, _ values: [Double]) -> [(String, JSONText)] {
        let summary = LatencySummary(values)
        let figures: [(String, Double?)] = [
            ("mean", summary?.mean), ("median", summary?.median), ("p90", summary?.p90), ("p99", summary?.p99),
            ("max", summary?.maximum),
        ]
        return figures.map { ("\($0)_\(name)_ms", .optional($1.map { $0 * 1000 })) }
    }

    private static func record(_ record: BenchServeRecord) -> JSONText {
        .object([
            ("start_s", .number(record.start)),
            ("ttft_ms", .optional(record.failure == nil ? record.timeToFirstToken * 1000 : nil)),
            ("e2el_ms", .optional(record.failure == nil ? record.wholeTime * 1000 : nil)),
            ("prompt_tokens", .integer(record.promptTokens)), ("cached_tokens", .integer(record.cachedTokens)),
            ("answer_tokens", .integer(record.answerTokens)), ("error", .optional(record.failure)),
        ])
    }

    private var csv: String {
        let titles = members.map(\.0).joined(separator: ",")
        return titles + "\n" + members.map { BenchReport.field($0.1) }.joined(separator: ",") + "\n"
    }

    private var markdown: String {
        let load = clients.map { "\($0) clients" } ?? "\(decimals(rate ?? 0, 2)) requests/s"
        let prefix = outcome.plan.sharedPrefix > 0 ? ", the first \(outcome.plan.sharedPrefix) shared" : ""
        var lines = [
            "\(outcome.model) at \(outcome.url)",
            "\(load), prompts of \(mean(outcome.promptTokens)) tokens (\(promptForm)\(prefix)), "
                + "answers of \(mean(outcome.answerTokens)) tokens, seed \(outcome.plan.seed)", "",
        ]
        lines += Self.table([
            ["requests", "failed", "seconds", "requests/s", "answer tokens/s", "all tokens/s", "cached tokens"],
            [
                "\(outcome.completed.count)", "\(outcome.records.count - outcome.completed.count)",
                decimals(outcome.duration, 2), decimals(outcome.perSecond(outcome.completed.count), 2),
                decimals(outcome.perSecond(outcome.answerTokens), 1),
                decimals(outcome.perSecond(outcome.answerTokens + outcome.promptTokens), 1),
                "\(outcome.cachedTokens)",
            ],
        ])
        var rows = outcome.latencies.map { row($0.name.uppercased(), $0.values) }
        if let gaps = outcome.gapsDuringLongPrompt, let time = longTime {
            rows.append(row("ITL, long prompt", gaps))
            rows.append(["TTFT of long prompt", decimals(time * 1000, 1), "", "", "", ""])
        }
        lines += [""] + Self.table([["ms", "mean", "median", "p90", "p99", "max"]] + rows)
        return lines.joined(separator: "\n") + "\n\nbuild: ister \(Ister.toolVersion)\n"
    }

    private func mean(_ total: Int) -> String {
        let count = outcome.completed.count
        let mean = Double(total) / Double(max(count, 1))
        return decimals(mean, mean == mean.rounded() ? 0 : 1)
    }

    private func row(_ name: String, _ values: [Double]) -> [String] {
        guard let summary = LatencySummary(values) else { return [name, "", "", "", "", ""] }
        return [name]
            + [summary.mean, summary.median, summary.p90, summary.p99, summary.maximum].map { decimals($0 * 1000, 1) }
    }

    /// The first row is the titles. All but the first column are numbers, to the right.
    private static func table(_ rows: [[String]]) -> [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        func line(_ row: [String]) -> String {
            let cells = row.enumerated().map { $0 == 0 ? padded($1, widths[$0]) : paddedLeft($1, widths[$0]) }
            return "| " + cells.joined(separator: " | ") + " |"
        }
        let rule = widths.enumerated().map { String(repeating: "-", count: $1 + 1) + ($0 == 0 ? "-" : ":") }
        return [line(rows[0]), "|" + rule.joined(separator: "|") + "|"] + rows.dropFirst().map(line)
    }
}
