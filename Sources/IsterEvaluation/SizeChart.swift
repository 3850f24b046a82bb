/// The mean score of each run against the bits that its file takes per weight.
struct SizeChart {
    private let runs: [ReportPage.Run]
    private static let (width, height) = (900.0, 340.0)
    private static let (left, top, right, bottom) = (60.0, 20.0, 140.0, 50.0)

    init(_ runs: [ReportPage.Run]) { self.runs = runs }

    var svg: String {
        let bits = Range(runs.map(\.model.fileBitsPerWeight))
        let means = runs.map(\.mean)
        let scores = Range(means.flatMap { [$0.value - $0.error, $0.value + $0.error] })
        var parts = [axis(bits, scores)]
        for (index, run) in runs.enumerated() {
            let x = Self.left + bits.place(run.model.fileBitsPerWeight) * (Self.width - Self.left - Self.right)
            let (high, low) = (
                y(means[index].value + means[index].error, scores), y(means[index].value - means[index].error, scores)
            )
            let colour = ChartColour.of(index)
            parts.append(
                "<path d=\"M\(fixed(x, 1)) \(fixed(high, 1))V\(fixed(low, 1))\" stroke=\"\(colour)\"/>"
                    + "<circle cx=\"\(fixed(x, 1))\" cy=\"\(fixed(y(means[index].value, scores), 1))\" r=\"6\" fill=\"\(colour)\"/>"
                    + "<text x=\"\(fixed(x + 10, 1))\" y=\"\(fixed(y(means[index].value, scores), 1))\" dy=\"4\">"
                    + "\(escaped(run.model.name))</text>")
        }
        return "<svg viewBox=\"0 0 \(Self.width) \(Self.height)\" role=\"img\">\(parts.joined(separator: "\n"))</svg>"
    }

    private func y(_ score: Double, _ range: Range) -> Double {
        Self.height - Self.bottom - range.place(score) * (Self.height - Self.top - Self.bottom)
    }

    private func axis(_ bits: Range, _ scores: Range) -> String {
        let baseline = Self.height - Self.bottom
        let ticks = (0...4).map { step -> String in
            let share = Double(step) / 4
            let x = fixed(Self.left + share * (Self.width - Self.left - Self.right), 1)
            let score = scores.value(share)
            let at = fixed(y(score, scores), 1)
            return "<path d=\"M\(Self.left) \(at)H\(Self.width - Self.right)\" stroke=\"#ddd\"/>"
                + "<text x=\"\(Self.left - 6)\" y=\"\(at)\" dy=\"4\" text-anchor=\"end\">\(fixed(score * 100, 1)) %</text>"
                + "<text x=\"\(x)\" y=\"\(baseline + 18)\" text-anchor=\"middle\">\(fixed(bits.value(share), 1))</text>"
        }
        return ticks.joined()
            + "<text x=\"\(Self.left)\" y=\"\(Self.height - 8)\">bits per weight of the whole file; mean score of all suites</text>"
    }

    /// Values with a margin on both sides.
    private struct Range {
        let low: Double
        let high: Double

        init(_ values: [Double]) {
            let (smallest, largest) = (values.min() ?? 0, values.max() ?? 1)
            let margin = max((largest - smallest) * 0.1, 0.005)
            low = smallest - margin
            high = largest + margin
        }

        func place(_ value: Double) -> Double { (value - low) / (high - low) }
        func value(_ place: Double) -> Double { low + place * (high - low) }
    }
}
