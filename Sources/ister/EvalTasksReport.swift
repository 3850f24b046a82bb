import IsterEvaluation

/// Scores of a run, beside other runs.
struct EvalTasksReport {
    let suites: [TaskSuite]
    let run: TaskRunFile
    let reference: TaskRunFile?
    /// The reference first.
    let others: [TaskRunFile]

    private var summaries: [TaskSummary] {
        suites.map { suite in
            TaskSummary(suite, run.outcomes(of: suite), reference: reference?.outcomes(of: suite))
        }
    }

    var page: ReportPage {
        ReportPage(
            [ReportPage.Run(model: run.model, summaries: summaries)]
                + others.map { other in
                    let present = suites.filter { !other.outcomes(of: $0).isEmpty }
                    let summaries = present.map { TaskSummary($0, other.outcomes(of: $0)) }
                    return ReportPage.Run(model: other.model, summaries: summaries)
                })
    }

    var table: String {
        var lines = [
            row(["suite", "items", "shots", "acc", "", "acc_norm", "", reference == nil ? "" : "flips -/+"])
        ]
        for summary in summaries {
            let flips = summary.flips.map { flips in
                "\(flips.toWrong)/\(flips.toRight)"
                    + (flips.itemCount < summary.itemCount ? " of \(flips.itemCount)" : "")
            }
            lines.append(
                row(
                    [summary.suite, "\(summary.itemCount)", "\(summary.shotCount)"] + cells(summary.accuracy)
                        + cells(summary.accuracyNormalized) + [flips ?? ""]))
            if summary.cutByLimit + summary.cutByContext > 0 {
                lines.append(
                    "  answers cut at \(TaskEvaluation.generatedTokens) tokens: \(summary.cutByLimit), "
                        + "at the end of the context: \(summary.cutByContext)")
            }
            if let share = summary.trueShare { lines.append(row(["  mc2", "", ""] + cells(share))) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func cells(_ value: MeasuredValue) -> [String] {
        [decimals(value.value * 100, 2), "± " + decimals(value.error * 100, 2)]
    }

    private func row(_ cells: [String]) -> String {
        let widths = [0, 7, 6, 8, 7, 9, 7, 16]
        let rest = zip(cells, widths).dropFirst().map { paddedLeft($0, $1) }
        return (padded(cells.first ?? "", 16) + rest.joined(separator: " ")).trimmingSpaces()
    }

    func json(seconds: Double) -> JSONText {
        .object([
            ("model", model(run.model)),
            ("reference", reference.map { model($0.model) } ?? .null),
            ("suites", .array(summaries.map(json))),
            ("seconds", .number(seconds)),
        ])
    }

    private func model(_ model: RunModel) -> JSONText {
        .object([
            ("name", .string(model.name)), ("recipe", .string(model.recipe)), ("bytes", .integer(model.bytes)),
            ("file_bits_per_weight", .number(model.fileBitsPerWeight)), ("fingerprint", .string(model.fingerprint)),
        ])
    }

    private func json(_ summary: TaskSummary) -> JSONText {
        let head: [(String, JSONText)] = [
            ("suite", .string(summary.suite)), ("items", .integer(summary.itemCount)),
            ("shots", .integer(summary.shotCount)), ("main", .string(summary.isNormalized ? "acc_norm" : "acc")),
        ]
        return .object(
            head + summary.accuracy.members("acc") + summary.accuracyNormalized.members("acc_norm")
                + [("mc2", .optional(summary.trueShare?.value)), ("mc2_error", .optional(summary.trueShare?.error))]
                + [("cut_by_limit", .integer(summary.cutByLimit)), ("cut_by_context", .integer(summary.cutByContext))]
                + [("flips", summary.flips.map(json) ?? .null)])
    }

    private func json(_ flips: TaskSummary.Flips) -> JSONText {
        .object(
            [
                ("items", .integer(flips.itemCount)), ("to_wrong", .integer(flips.toWrong)),
                ("to_right", .integer(flips.toRight)), ("other_answers", .integer(flips.otherAnswers)),
            ] + flips.share.members("share"))
    }
}
