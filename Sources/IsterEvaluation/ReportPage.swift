/// A report on one or several runs as one HTML page without scripts or outside files.
public struct ReportPage {
    /// One column of the table, one colour of the pictures.
    public struct Run: Sendable {
        public var model: RunModel
        /// Of the suites that the run has, in the order of the page.
        public var summaries: [TaskSummary]

        public init(model: RunModel, summaries: [TaskSummary]) {
            self.model = model
            self.summaries = summaries
        }
    }

    /// The judged run first.
    private let runs: [Run]

    public init(_ runs: [Run]) { self.runs = runs }

    public var html: String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><title>Ister: task report</title>
        <style>
        body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
        table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .25rem .75rem; text-align: right }
        th:first-child, td:first-child { text-align: left } thead { border-bottom: 2px solid #222 }
        tbody tr { border-bottom: 1px solid #ddd } svg { width: 100%; height: auto } svg text { font-size: 12px }
        .note { color: #666 } .grid { display: grid; grid-template-columns: repeat(2, 1fr); gap: 1rem }
        </style></head><body>
        <h1>Task report</h1>
        \(models)
        <h2>Scores</h2>
        \(scores)
        <p class="note">Percent with the standard error. * scores divided by the length of the choice. Flips: items \
        whose correctness changed against the reference, to wrong / to right.</p>
        <h2>Score by task</h2>
        \(BarChart(runs).svg)
        <h2>Quality against size</h2>
        <div class="grid">\(SizeChart.all(runs).map { "<div>\($0.svg)</div>" }.joined())</div>
        </body></html>

        """
    }

    private var models: String {
        let rows = runs.map { run in
            "<tr>"
                + [
                    escaped(run.model.name), escaped(run.model.recipe), fixed(Double(run.model.bytes) / 1e6, 1),
                    fixed(run.model.fileBitsPerWeight, 3),
                ].map { "<td>\($0)</td>" }.joined() + "</tr>"
        }
        return "<table><thead><tr><th>model</th><th>recipe</th><th>MB</th><th>bits per weight</th></tr></thead>"
            + "<tbody>\(rows.joined())</tbody></table>"
    }

    private var scores: String {
        let heads = runs.map { "<th>\(escaped($0.model.name))</th>" }.joined()
        let rows = (runs.first?.summaries ?? []).map { first in
            let cells = runs.map { run -> String in
                guard let summary = run.summaries.first(where: { $0.suite == first.suite }) else { return "<td></td>" }
                let part = summary.itemCount == first.itemCount ? "" : " of \(summary.itemCount) items"
                return "<td>\(percent(summary.main))\(part)</td>"
            }
            let flips = first.flips.map { "\($0.toWrong) / \($0.toRight) of \($0.itemCount)" } ?? ""
            let star = first.isNormalized ? "*" : ""
            return "<tr><td>\(escaped(first.suite))\(star)</td><td>\(first.itemCount)</td><td>\(first.shotCount)</td>"
                + cells.joined() + "<td>\(flips)</td></tr>"
        }
        return "<table><thead><tr><th>suite</th><th>items</th><th>shots</th>\(heads)<th>flips</th></tr></thead>"
            + "<tbody>\(rows.joined())</tbody></table>"
    }

    private func percent(_ value: MeasuredValue) -> String {
        "\(fixed(value.value * 100, 1)) ± \(fixed(value.error * 100, 1))"
    }
}

extension ReportPage.Run {
    /// Mean of the suites' main figures; the error is that of independent suites.
    var mean: MeasuredValue {
        guard !summaries.isEmpty else { return MeasuredValue(value: 0, error: 0) }
        let count = Double(summaries.count)
        let squares = summaries.reduce(0) { $0 + $1.main.error * $1.main.error }
        return MeasuredValue(
            value: summaries.reduce(0) { $0 + $1.main.value } / count, error: squares.squareRoot() / count)
    }
}
