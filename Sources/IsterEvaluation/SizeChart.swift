internal import Glibc

/// Scores of one suite, or their mean, against the bits that each run's file takes per weight, by a logarithmic axis.
struct SizeChart {
    struct Point {
        var name: String
        var bits: Double
        var score: MeasuredValue
        var colour: String
    }

    private let title: String
    private let points: [Point]
    private let bits: Scale
    private let scores: Scale
    private static let (width, height) = (440.0, 250.0)
    private static let (left, top, right, bottom) = (60.0, 30.0, 20.0, 40.0)

    init(title: String, _ points: [Point]) {
        self.title = title
        self.points = points
        bits = Scale(points.map { log2($0.bits) }, margin: 0.15)
        scores = Scale(
            points.flatMap { [$0.score.value - $0.score.error, $0.score.value + $0.score.error] }, margin: 0.005)
    }

    /// The mean of all suites first, then each suite.
    static func all(_ runs: [ReportPage.Run]) -> [SizeChart] {
        let suites = (runs.first?.summaries ?? []).map(\.suite)
        let counts = (runs.first?.summaries ?? []).map(\.itemCount)
        // A mean over other suites or items than the first run's would be another quantity.
        let complete = points(
            runs.map { run in
                let isSame = run.summaries.map(\.suite) == suites && run.summaries.map(\.itemCount) == counts
                return isSame ? run.mean : nil
            }, runs)
        return [SizeChart(title: "mean of all suites", complete)]
            + suites.map { suite in
                let values = runs.map { run in run.summaries.first { $0.suite == suite }?.main }
                return SizeChart(title: suite, points(values, runs))
            }
    }

    private static func points(_ values: [MeasuredValue?], _ runs: [ReportPage.Run]) -> [Point] {
        zip(values, runs).enumerated().compactMap { index, pair in
            pair.0.map { score in
                Point(
                    name: pair.1.model.name, bits: pair.1.model.fileBitsPerWeight, score: score,
                    colour: ChartColour.of(index))
            }
        }
    }

    var svg: String {
        let parts = ["<text x=\"\(Self.left)\" y=\"18\">\(escaped(title))</text>", axes] + points.map(mark)
        return "<svg viewBox=\"0 0 \(Self.width) \(Self.height)\" role=\"img\">\(parts.joined(separator: "\n"))</svg>"
    }

    private func mark(_ point: Point) -> String {
        let (x, y) = (fixed(self.x(log2(point.bits)), 1), fixed(self.y(point.score.value), 1))
        let (high, low) = (self.y(point.score.value + point.score.error), self.y(point.score.value - point.score.error))
        // The name stands on the side that has room.
        let isRight = bits.place(log2(point.bits)) > 0.5
        return "<path d=\"M\(x) \(fixed(high, 1))V\(fixed(low, 1))\" stroke=\"\(point.colour)\"/>"
            + "<circle cx=\"\(x)\" cy=\"\(y)\" r=\"5\" fill=\"\(point.colour)\"/>"
            + "<text x=\"\(x)\" y=\"\(y)\" dx=\"\(isRight ? -8 : 8)\" dy=\"4\" "
            + "text-anchor=\"\(isRight ? "end" : "start")\">\(escaped(point.name))</text>"
    }

    private var axes: String {
        let right = Self.width - Self.right
        let lines = (0...4).map { step -> String in
            let score = scores.value(Double(step) / 4)
            let at = fixed(y(score), 1)
            return "<path d=\"M\(Self.left) \(at)H\(right)\" stroke=\"#ddd\"/>"
                + "<text x=\"\(Self.left - 6)\" y=\"\(at)\" dy=\"4\" text-anchor=\"end\">\(fixed(score * 100, 1)) %</text>"
        }
        let ticks = (0...3).map { step -> String in
            let value = bits.value(Double(step) / 3)
            return "<text x=\"\(fixed(x(value), 1))\" y=\"\(Self.height - 22)\" text-anchor=\"middle\">"
                + "\(fixed(exp2(value), 1))</text>"
        }
        return lines.joined() + ticks.joined()
            + "<text x=\"\(Self.left)\" y=\"\(Self.height - 5)\">bits per weight of the whole file</text>"
    }

    private func x(_ bits: Double) -> Double {
        Self.left + self.bits.place(bits) * (Self.width - Self.left - Self.right)
    }

    private func y(_ score: Double) -> Double {
        Self.height - Self.bottom - scores.place(score) * (Self.height - Self.top - Self.bottom)
    }

    /// Values to shares of an axis, with a margin on both sides.
    private struct Scale {
        let low: Double
        let high: Double

        init(_ values: [Double], margin: Double) {
            let (smallest, largest) = (values.min() ?? 0, values.max() ?? 1)
            let width = max((largest - smallest) * 0.1, margin)
            low = smallest - width
            high = largest + width
        }

        func place(_ value: Double) -> Double { (value - low) / (high - low) }
        func value(_ place: Double) -> Double { low + place * (high - low) }
    }
}
