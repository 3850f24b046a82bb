/// Colours that stay apart in print and for colour-blind readers (Okabe and Ito 2008).
enum ChartColour {
    private static let all = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]

    static func of(_ index: Int) -> String { all[index % all.count] }
}

/// Groups of bars, a group a suite and a bar a run, with error bars of one standard error. 0 to 100 %.
struct BarChart {
    private let runs: [ReportPage.Run]
    private static let (width, height) = (900.0, 340.0)
    private static let (left, top, bottom) = (45.0, 30.0, 60.0)

    init(_ runs: [ReportPage.Run]) { self.runs = runs }

    var svg: String {
        let suites = (runs.first?.summaries ?? []).map(\.suite)
        let groupWidth = (Self.width - Self.left) / Double(max(suites.count, 1))
        let barWidth = groupWidth * 0.8 / Double(max(runs.count, 1))
        var parts = [grid, legend]
        for (group, suite) in suites.enumerated() {
            let start = Self.left + Double(group) * groupWidth
            let middle = fixed(start + groupWidth / 2, 1)
            parts.append(
                "<text x=\"\(middle)\" y=\"\(Self.height - 40)\" text-anchor=\"middle\">\(escaped(suite))</text>")
            for (index, run) in runs.enumerated() {
                guard let summary = run.summaries.first(where: { $0.suite == suite }) else { continue }
                let x = start + groupWidth * 0.1 + Double(index) * barWidth
                parts.append(bar(summary.main, x: x, width: barWidth * 0.9, colour: ChartColour.of(index)))
            }
        }
        return "<svg viewBox=\"0 0 \(Self.width) \(Self.height)\" role=\"img\">\(parts.joined(separator: "\n"))</svg>"
    }

    private func y(_ share: Double) -> Double {
        Self.height - Self.bottom - min(max(share, 0), 1) * (Self.height - Self.top - Self.bottom)
    }

    private func bar(_ value: MeasuredValue, x: Double, width: Double, colour: String) -> String {
        let (high, low) = (y(value.value + value.error), y(value.value - value.error))
        let middle = fixed(x + width / 2, 1)
        return "<rect x=\"\(fixed(x, 1))\" y=\"\(fixed(y(value.value), 1))\" width=\"\(fixed(width, 1))\" "
            + "height=\"\(fixed(y(0) - y(value.value), 1))\" fill=\"\(colour)\">"
            + "<title>\(fixed(value.value * 100, 1)) %</title></rect>"
            + "<path d=\"M\(middle) \(fixed(high, 1))V\(fixed(low, 1))\" stroke=\"#222\"/>"
    }

    private var grid: String {
        stride(from: 0, through: 100, by: 20).map { percent in
            let at = fixed(y(Double(percent) / 100), 1)
            return "<path d=\"M\(Self.left) \(at)H\(Self.width)\" stroke=\"#ddd\"/>"
                + "<text x=\"\(Self.left - 6)\" y=\"\(at)\" dy=\"4\" text-anchor=\"end\">\(percent) %</text>"
        }.joined()
    }

    private var legend: String {
        runs.enumerated().map { index, run in
            let x = Self.left + Double(index) * 220
            return "<rect x=\"\(x)\" y=\"4\" width=\"12\" height=\"12\" fill=\"\(ChartColour.of(index))\"/>"
                + "<text x=\"\(x + 18)\" y=\"15\">\(escaped(run.model.name))</text>"
        }.joined()
    }
}
