/// Text as HTML and SVG show it.
package func escaped(_ text: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "<"): bytes += "&lt;".utf8
        case UInt8(ascii: ">"): bytes += "&gt;".utf8
        case UInt8(ascii: "&"): bytes += "&amp;".utf8
        case UInt8(ascii: "\""): bytes += "&quot;".utf8
        default: bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// A number with a fixed count of decimals, rounded half away from zero; |value| below 1e12.
package func fixed(_ value: Double, _ count: Int) -> String {
    var scale = 1.0
    for _ in 0..<count { scale *= 10 }
    guard let scaled = Int(exactly: (value.magnitude * scale).rounded()) else { return "\(value)" }
    let sign = value < 0 && scaled != 0 ? "-" : ""
    guard count > 0 else { return sign + String(scaled) }
    let digits = String(scaled)
    let filled = String(repeating: "0", count: max(count + 1 - digits.count, 0)) + digits
    return sign + filled.dropLast(count) + "." + filled.suffix(count)
}
