import IsterEvaluation
import Glibc

/// Two panels: requests over time with the answers' tokens per second, and the spread of the latencies.
struct BenchServePicture {
    let outcome: BenchServeOutcome
    private static let (width, height) = (1000.0, 640.0)
    /// Okabe and Ito 2008: apart in print and for colour-blind readers.
    private static let (blue, orange, green, pink) = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")

    /// Where a panel's data lie on the picture.
    private struct Frame {
        var (left, top, width, height): (Double, Double, Double, Double)
        var xRange: ClosedRange<Double>
        var yRange: ClosedRange<Double>

        func x(_ value: Double) -> String { decimals(left + width * share(value, xRange), 1) }
        func y(_ value: Double) -> String { decimals(top + height * (1 - share(value, yRange)), 1) }
        private func share(_ value: Double, _ range: ClosedRange<Double>) -> Double {
            min(max((value - range.lowerBound) / (range.upperBound - range.lowerBound), 0), 1)
        }
    }

    var svg: String {
        let title = "\(outcome.model): \(outcome.completed.count) requests in \(decimals(outcome.duration, 1)) s"
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.width) \(Self.height)" \
            font-family="system-ui, sans-serif" font-size="13" fill="#222">
            <rect width="100%" height="100%" fill="#fff"/>
            <text x="70" y="28" font-size="16" font-weight="600">\(escaped(title))</text>
            \(requests)
            \(throughput)
            \(spread)
            </svg>

            """
    }

    private var end: Double { max(outcome.completed.map(\.end).max() ?? 1, 1e-3) }

    /// A line a request: waiting for the first token, then the answer.
    private var requests: String {
        let records = outcome.completed
        let frame = Frame(
            left: 70, top: 60, width: 540, height: 320, xRange: 0...end,
            yRange: -Double(max(records.count, 1))...0)
        let thickness = decimals(max(min(frame.height / Double(max(records.count, 1)) * 0.7, 8), 0.5), 2)
        var entries = [("to the first token", Self.orange), ("answer", Self.blue)]
        if outcome.long != nil { entries.append(("a long prompt waits", Self.pink)) }
        var parts = [legend(entries, x: 70, y: 50)]
        if let long = outcome.long, long.failure == nil {
            parts.append(
                "<rect x=\"\(frame.x(long.start))\" y=\"60\" height=\"320\" fill=\"\(Self.pink)\" opacity=\".3\" "
                    + "width=\"\(decimals(frame.width * long.timeToFirstToken / end, 1))\">"
                    + "<title>long prompt of \(long.promptTokens) tokens</title></rect>")
        }
        for (index, record) in records.enumerated() {
            let y = frame.y(-Double(index) - 0.5)
            let first = record.start + record.timeToFirstToken
            for (from, to, colour) in [(record.start, first, Self.orange), (first, record.end, Self.blue)] {
                parts.append(
                    "<path d=\"M\(frame.x(from)) \(y)H\(frame.x(to))\" stroke=\"\(colour)\" stroke-width=\"\(thickness)\"/>"
                )
            }
        }
        return parts.joined(separator: "\n")
    }

    /// Pieces of text a second, of all requests, in 60 steps.
    private var throughput: String {
        let steps = 60
        var counts = [Double](repeating: 0, count: steps)
        for record in outcome.completed where !record.pieceTimes.isEmpty {
            let tokensPerPiece = Double(record.answerTokens) / Double(record.pieceTimes.count)
            for time in record.pieceTimes { counts[min(Int(time / end * Double(steps)), steps - 1)] += tokensPerPiece }
        }
        let rates = counts.map { $0 * Double(steps) / end }
        let top = max(rates.max() ?? 1, 1e-3)
        let frame = Frame(left: 70, top: 410, width: 540, height: 170, xRange: 0...end, yRange: 0...top)
        let points = rates.enumerated().map { index, rate in
            "\(frame.x((Double(index) + 0.5) * end / Double(steps))) \(frame.y(rate))"
        }
        return axis(frame, unit: "s", logarithmic: false)
            + "<text x=\"70\" y=\"402\">answer tokens/s, at most \(decimals(top, 1))</text>"
            + "<path d=\"M\(points.joined(separator: "L"))\" fill=\"none\" stroke=\"\(Self.green)\" stroke-width=\"2\"/>"
    }

    /// The share of times below x, on a logarithmic axis.
    private var spread: String {
        let colours = [Self.orange, Self.green, Self.blue, Self.pink]
        let curves = zip(outcome.latencies, colours).filter { !$0.0.values.isEmpty }
        let all = curves.flatMap { $0.0.values }.filter { $0 > 0 }
        let low = log10(max((all.min() ?? 1e-3) * 1000, 1e-3)).rounded(.down)
        let high = max(log10((all.max() ?? 1) * 1000).rounded(.up), low + 1)
        let frame = Frame(left: 680, top: 60, width: 280, height: 520, xRange: low...high, yRange: 0...1)
        var parts = [
            legend(curves.map { ($0.0.name.uppercased(), $0.1) }, x: 680, y: 50),
            axis(frame, unit: "ms", logarithmic: true),
        ]
        for share in [0.5, 0.9, 0.99] {
            parts.append(
                "<path d=\"M680 \(frame.y(share))H960\" stroke=\"#ddd\"/><text x=\"674\" y=\"\(frame.y(share))\" dy=\"4\" "
                    + "text-anchor=\"end\" font-size=\"11\">p\(decimals(share * 100, 0))</text>")
        }
        for (latency, colour) in curves {
            let sorted = latency.values.sorted()
            let stride = max(sorted.count / 400, 1)
            let points = sorted.indices.filter { $0 % stride == 0 || $0 == sorted.count - 1 }.map { index in
                let x = frame.x(log10(max(sorted[index] * 1000, 1e-6)))
                return "\(x) \(frame.y(Double(index + 1) / Double(sorted.count)))"
            }
            parts.append(
                "<path d=\"M\(points.joined(separator: "L"))\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>")
        }
        return parts.joined(separator: "\n")
    }

    private func axis(_ frame: Frame, unit: String, logarithmic: Bool) -> String {
        let bottom = frame.top + frame.height
        let (low, high) = (frame.xRange.lowerBound, frame.xRange.upperBound)
        let marks = logarithmic ? Array(stride(from: low, through: high, by: 1)) : (0...5).map { high * Double($0) / 5 }
        let labels = marks.map { mark in
            let text = logarithmic ? Self.short(pow(10, mark)) : decimals(mark, high < 10 ? 1 : 0)
            return "<text x=\"\(frame.x(mark))\" y=\"\(bottom + 20)\" text-anchor=\"middle\">\(text)</text>"
        }
        return "<path d=\"M\(frame.left) \(bottom)H\(frame.left + frame.width)\" stroke=\"#888\"/>" + labels.joined()
            + "<text x=\"\(frame.left + frame.width)\" y=\"\(bottom + 38)\" text-anchor=\"end\">\(unit)</text>"
    }

    private static func short(_ value: Double) -> String {
        value >= 1 ? decimals(value, 0) : decimals(value, value >= 0.1 ? 1 : 3)
    }

    private func legend(_ entries: [(String, String)], x: Double, y: Double) -> String {
        var left = x
        return entries.map { text, colour in
            defer { left += 34 + Double(text.count) * 7 }
            return "<rect x=\"\(left)\" y=\"\(y - 10)\" width=\"11\" height=\"11\" fill=\"\(colour)\"/>"
                + "<text x=\"\(left + 16)\" y=\"\(y)\">\(text)</text>"
        }.joined()
    }
}
