/// Prints measurements as they come: rows of a table, or elements of a JSON array.
final class Report {
    private let isJSON: Bool
    private var count = 0

    init(isJSON: Bool) { self.isJSON = isJSON }

    func begin() {
        if isJSON { return write("[", to: 1) }
        write(
            """
            | isa        | kernel       | variant                  | tokens | working set | GMAC/s | MAC/cycle |   GB/s | elements/cycle | us a call |
            |------------|--------------|--------------------------|-------:|------------:|-------:|----------:|-------:|---------------:|----------:|

            """, to: 1)
    }

    func add(_ m: Measurement) {
        if isJSON {
            write((count == 0 ? "\n" : ",\n") + object(m), to: 1)
        } else {
            write("| " + row(m).joined(separator: " | ") + " |\n", to: 1)
        }
        count += 1
    }

    func end() { if isJSON { write("\n]\n", to: 1) } }

    private func row(_ m: Measurement) -> [String] {
        [
            left(m.isa, 10), left(m.kernel, 12), left(m.variant, 24), right(m.tokens.map(String.init) ?? "", 6),
            right(size(m.workingBytes), 11), right(decimals(m.macsPerSecond.map { $0 / 1e9 }, 1), 6),
            right(decimals(m.macsPerCycle, 2), 9), right(decimals(m.bytesPerSecond.map { $0 / 1e9 }, 2), 6),
            right(decimals(m.elementsPerCycle, 2), 14), right(decimals(m.nanoseconds / 1e3, 2), 9),
        ]
    }

    private func object(_ m: Measurement) -> String {
        let members = [
            ("isa", quoted(m.isa)), ("kernel", quoted(m.kernel)), ("variant", quoted(m.variant)),
            ("tokens", m.tokens.map(String.init) ?? "null"), ("working_bytes", "\(m.workingBytes)"),
            ("macs_per_second", number(m.macsPerSecond)), ("macs_per_cycle", number(m.macsPerCycle)),
            ("bytes_per_second", number(m.bytesPerSecond)), ("elements_per_cycle", number(m.elementsPerCycle)),
            ("ns_per_call", number(m.nanoseconds)), ("slices", "\(m.sliceCount)"),
            ("clock_hertz", number(m.clockHertz)),
        ]
        return "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }
}

/// Names of kernels and formats: nothing to escape.
private func quoted(_ text: String) -> String { "\"" + text + "\"" }

private func number(_ value: Double?) -> String { value.map { $0.isFinite ? "\($0)" : "null" } ?? "null" }

private func decimals(_ value: Double?, _ count: Int) -> String {
    guard let value, value.isFinite else { return "" }
    var scale = 1.0
    for _ in 0..<count { scale *= 10 }
    let whole = String(Int((value * scale).rounded()))
    let digits = String(repeating: "0", count: max(count + 1 - whole.count, 0)) + whole
    return digits.dropLast(count) + "." + digits.suffix(count)
}

private func size(_ bytes: Int) -> String {
    if bytes == 0 { return "" }
    if bytes < 1 << 10 { return "\(bytes) B" }
    return bytes < 1 << 20 ? "\(bytes >> 10) KiB" : "\(bytes >> 20) MiB"
}

private func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 0))
}

private func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(width - text.count, 0)) + text
}
