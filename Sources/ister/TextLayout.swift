/// A number with a fixed count of decimals, rounded half away from zero. Sizes and rates only: |value| below 1e12.
func decimals(_ value: Double, _ count: Int) -> String {
    var scale = 1.0
    for _ in 0..<count { scale *= 10 }
    guard let scaled = Int(exactly: (value.magnitude * scale).rounded()) else { return "\(value)" }
    let digits = String(scaled)
    let sign = value < 0 && scaled != 0 ? "-" : ""
    guard count > 0 else { return sign + digits }
    let filled = String(repeating: "0", count: max(count + 1 - digits.count, 0)) + digits
    return sign + filled.dropLast(count) + "." + filled.suffix(count)
}

/// Bytes in KiB, MiB or GiB.
func binarySize(_ bytes: Int) -> String {
    switch bytes {
    case ..<(1 << 10): "\(bytes) B"
    case ..<(1 << 20): decimals(Double(bytes) / 0x1p10, 2) + " KiB"
    case ..<(1 << 30): decimals(Double(bytes) / 0x1p20, 2) + " MiB"
    default: decimals(Double(bytes) / 0x1p30, 2) + " GiB"
    }
}

func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 0))
}

func paddedLeft(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(width - text.count, 0)) + text
}

extension String {
    func trimmingSpaces() -> String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
