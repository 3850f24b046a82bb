/// The text format.
enum PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Other characters than those of a name become "_".
    static func name(_ text: String) -> String {
        let bytes = text.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
                byte
            default: UInt8(ascii: "_")
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func write(_ name: String, _ family: PrometheusRegistry.Family, help: String?, to text: inout String) {
        if let help { text += "# HELP \(name) \(escaped(help, quotes: false))\n" }
        text += "# TYPE \(name) \(family.kind.rawValue)\n"
        let lines = family.series.map { (labels: $0.key, series: $0.value) }
            .sorted { render($0.labels) < render($1.labels) }
        for line in lines {
            let value = line.series.value
            if family.kind == .histogram {
                writeHistogram(name, line.labels, line.series.buckets, value, to: &text)
            } else {
                text += "\(name)\(render(line.labels)) \(number(value.number))\n"
            }
        }
    }

    private static func writeHistogram(
        _ name: String, _ labels: [PrometheusLabel], _ buckets: [Double], _ value: PrometheusSeries.Value,
        to text: inout String
    ) {
        var total: UInt64 = 0
        for (bound, count) in zip(buckets + [.infinity], value.counts) {
            total += count
            let label = PrometheusLabel(("le", number(bound)))
            text += "\(name)_bucket\(render(labels + [label])) \(total)\n"
        }
        text += "\(name)_sum\(render(labels)) \(number(value.number))\n"
        text += "\(name)_count\(render(labels)) \(total)\n"
    }

    private static func render(_ labels: [PrometheusLabel]) -> String {
        if labels.isEmpty { return "" }
        return "{" + labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",") + "}"
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if value == value.rounded(), let integer = Int64(exactly: value) { return String(integer) }
        return value.description
    }

    static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
