/// UTF-8 by hand: text arrives as bytes, and Swift's `String` would cost a copy per step.
enum UTF8Text {
    static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]
    /// U+2581, which SentencePiece writes for a space.
    static let escapedSpace: [UInt8] = [0xE2, 0x96, 0x81]

    enum Step: Equatable {
        /// A scalar of this many bytes.
        case scalar(length: Int)
        /// The text ends inside what could become a scalar.
        case incomplete
        /// No scalar; this many bytes are the longest prefix that could have begun one, at least 1.
        case malformed(length: Int)
    }

    /// Looks at bytes[index...], index < end <= bytes.count. Unicode 16.0, table 3-7.
    static func step(_ bytes: [UInt8], _ index: Int, _ end: Int) -> Step {
        let lead = bytes[index]
        if lead < 0x80 { return .scalar(length: 1) }
        let length: Int
        var low: UInt8 = 0x80
        var high: UInt8 = 0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if lead == 0xE0 { low = 0xA0 }
            if lead == 0xED { high = 0x9F }
        case 0xF0...0xF4:
            length = 4
            if lead == 0xF0 { low = 0x90 }
            if lead == 0xF4 { high = 0x8F }
        default: return .malformed(length: 1)
        }
        for offset in 1..<length {
            guard index + offset < end else { return .incomplete }
            guard (low...high).contains(bytes[index + offset]) else { return .malformed(length: offset) }
            low = 0x80
            high = 0xBF
        }
        return .scalar(length: length)
    }

    static func isValid(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound {
            guard case .scalar(let length) = step(bytes, index, range.upperBound) else { return false }
            index += length
        }
        return true
    }

    /// The text with U+FFFD for each longest malformed part, as Python's and Rust's lossy decoding.
    static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        if isValid(bytes, 0..<bytes.count) { return bytes }
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            switch step(bytes, index, bytes.count) {
            case .scalar(let length):
                out += bytes[index..<index + length]
                index += length
            case .incomplete:
                out += replacement
                index = bytes.count
            case .malformed(let length):
                out += replacement
                index += length
            }
        }
        return out
    }

    /// Length of the scalar that begins with `lead`, in valid text.
    @inline(__always)
    static func length(lead: UInt8) -> Int {
        lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    }

    /// Value of the scalar at `index`, in valid text.
    @inline(__always)
    static func scalar(_ bytes: [UInt8], _ index: Int) -> (value: Int, length: Int) {
        let lead = Int(bytes[index])
        if lead < 0x80 { return (lead, 1) }
        let second = Int(bytes[index + 1] & 0x3F)
        if lead < 0xE0 { return ((lead & 0x1F) << 6 | second, 2) }
        let third = Int(bytes[index + 2] & 0x3F)
        if lead < 0xF0 { return ((lead & 0x0F) << 12 | second << 6 | third, 3) }
        return ((lead & 0x07) << 18 | second << 12 | third << 6 | Int(bytes[index + 3] & 0x3F), 4)
    }

    /// Start of the scalar that ends before `index` > 0, in valid text.
    static func previous(_ bytes: [UInt8], _ index: Int) -> Int {
        var start = index - 1
        while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    static func starts(_ bytes: [UInt8], at index: Int, with prefix: [UInt8]) -> Bool {
        guard bytes.count - index >= prefix.count else { return false }
        for offset in 0..<prefix.count where bytes[index + offset] != prefix[offset] { return false }
        return true
    }
}
