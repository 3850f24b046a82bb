/// Numbers as Python writes them.
enum TemplateNumber {
    /// Python's `repr`: the shortest digits that give the same number, with an exponent from 16 digits on.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        let sign = value.sign == .minus ? "-" : ""
        if value == 0 { return sign + "0.0" }
        let (digits, point) = shortest(value.magnitude)
        if point > 16 || point < -3 {
            let fraction = digits.count > 1 ? "." + String(decoding: digits[1...], as: UTF8.self) : ""
            let first = String(decoding: digits[..<1], as: UTF8.self)
            return sign + first + fraction + exponent(point - 1)
        }
        return sign + fixed(digits, point: point, minimum: 1)
    }

    private static func exponent(_ value: Int) -> String {
        "e" + (value < 0 ? "-" : "+") + (abs(value) < 10 ? "0" : "") + String(abs(value))
    }

    /// Digits with the decimal point after `point` of them.
    private static func fixed(_ digits: [UInt8], point: Int, minimum: Int) -> String {
        let zero = UInt8(ascii: "0")
        var whole = point > 0 ? Array(digits.prefix(point)) : [zero]
        if point > digits.count { whole += [UInt8](repeating: zero, count: point - digits.count) }
        var fraction = point < 0 ? [UInt8](repeating: zero, count: -point) : []
        fraction += digits.dropFirst(max(0, point))
        while fraction.count < minimum { fraction.append(zero) }
        let text = String(decoding: whole, as: UTF8.self)
        return fraction.isEmpty ? text : text + "." + String(decoding: fraction, as: UTF8.self)
    }

    /// Shortest digits of a positive number, and where its point is; Swift's own text holds the same digits.
    private static func shortest(_ value: Double) -> (digits: [UInt8], point: Int) {
        var digits: [UInt8] = []
        var point: Int?
        var exponent = 0
        let text = Array(value.description.utf8)
        for (index, byte) in text.enumerated() {
            if byte == UInt8(ascii: "e") {
                exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
                break
            }
            if byte == UInt8(ascii: ".") { point = digits.count } else { digits.append(byte) }
        }
        let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
        let place = (point ?? digits.count) + exponent - zeros
        digits.removeFirst(zeros)
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return (digits, place)
    }

    /// With exactly so many digits after the point, halves to even, from the exact value.
    static func text(_ value: Double, decimals: Int) -> String {
        if !value.isFinite { return text(value) }
        let sign = value.sign == .minus ? "-" : ""
        var (digits, point) = exact(value.magnitude)
        let kept = point + decimals
        if kept < 0 {
            digits = []
        } else if kept < digits.count {
            let rest = digits[kept...]
            let half = rest.first.map { Int($0) - 0x30 } ?? 0
            let isAboveHalf = half > 5 || half == 5 && rest.dropFirst().contains { $0 != UInt8(ascii: "0") }
            let isOdd = kept > 0 && digits[kept - 1] & 1 == 1
            digits.removeSubrange(kept...)
            if isAboveHalf || half == 5 && isOdd { increment(&digits, &point) }
        }
        if digits.isEmpty { return sign + fixed([UInt8(ascii: "0")], point: 1, minimum: decimals) }
        return sign + fixed(digits, point: point, minimum: decimals)
    }

    private static func increment(_ digits: inout [UInt8], _ point: inout Int) {
        var index = digits.count - 1
        while index >= 0, digits[index] == UInt8(ascii: "9") {
            digits[index] = UInt8(ascii: "0")
            index -= 1
        }
        if index >= 0 {
            digits[index] += 1
        } else {
            digits.insert(UInt8(ascii: "1"), at: 0)
            point += 1
        }
    }

    /// All digits of a finite number that is not negative, and where its point is.
    private static func exact(_ value: Double) -> (digits: [UInt8], point: Int) {
        if value == 0 { return ([], 0) }
        // value = mantissa * 2^power; digits are kept as decimal digits, the last one first.
        var mantissa = value.significandBitPattern
        var power = -1074
        if value.exponentBitPattern > 0 {
            mantissa |= 1 << 52
            power = Int(value.exponentBitPattern) - 1075
        }
        var digits: [UInt8] = String(mantissa).utf8.reversed().map { $0 - 0x30 }
        var decimals = 0
        while power > 0 {
            multiply(&digits, by: 2)
            power -= 1
        }
        while power < 0 {
            // Half is five tenths.
            multiply(&digits, by: 5)
            decimals += 1
            power += 1
        }
        return (digits.reversed().map { $0 + 0x30 }, digits.count - decimals)
    }

    private static func multiply(_ digits: inout [UInt8], by factor: UInt8) {
        var carry: UInt8 = 0
        for index in digits.indices {
            let product = digits[index] * factor + carry
            digits[index] = product % 10
            carry = product / 10
        }
        if carry > 0 { digits.append(carry) }
    }
}
