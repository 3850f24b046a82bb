import IsterEvaluation

/// A number with a fixed count of decimals, as reports have it. Sizes and rates only: |value| below 1e12.
func decimals(_ value: Double, _ count: Int) -> String { fixed(value, count) }

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
