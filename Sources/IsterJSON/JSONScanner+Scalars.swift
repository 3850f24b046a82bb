extension JSONScanner {
    /// int = "0" / digit1-9 *digit, then an optional fraction and exponent (RFC 8259, section 6).
    mutating func number() throws(JSONSyntaxError) -> Value {
        let start = offset
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        var isInteger = true
        if take(UInt8(ascii: ".")) {
            isInteger = false
            try digits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isInteger = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        guard offset - start <= limits.numberBytes else { throw error("a number of too many digits", at: start) }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if isInteger, let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else {
            throw error("the number is beyond a 64-bit float", at: start)
        }
        return .number(number)
    }

    private mutating func digits() throws(JSONSyntaxError) {
        let start = offset
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
        if offset == start { throw error("a digit is needed") }
    }

    mutating func string() throws(JSONSyntaxError) -> [UInt8] {
        let opening = offset
        offset += 1
        var out: [UInt8] = []
        var runStart = offset
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""):
                // The usual string has no escape: one slice.
                let run = bytes[runStart..<offset]
                offset += 1
                return out.isEmpty ? Array(run) : out + run
            case UInt8(ascii: "\\"):
                out += bytes[runStart..<offset]
                try escape(into: &out)
                runStart = offset
            case 0..<0x20: throw error("a control character in a string")
            case 0x20..<0x80: offset += 1
            default:
                guard let length = utf8SequenceLength(in: bytes, at: offset) else {
                    throw error("invalid UTF-8")
                }
                offset += length
            }
        }
        throw error("the string has no end", at: opening)
    }

    private mutating func escape(into out: inout [UInt8]) throws(JSONSyntaxError) {
        let start = offset
        offset += 1
        guard let letter = peek() else { throw error("the string has no end", at: start) }
        offset += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(letter)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0C)
        case UInt8(ascii: "n"): out.append(0x0A)
        case UInt8(ascii: "r"): out.append(0x0D)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xD800..<0xDC00).contains(code), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
                let low = try hexadecimal()
                guard (0xDC00..<0xE000).contains(low) else {
                    throw error("a lone surrogate", at: start)
                }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("a lone surrogate", at: start) }
            out += String(scalar).utf8
        default: throw error("an unknown escape", at: start)
        }
    }

    private mutating func hexadecimal() throws(JSONSyntaxError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw error("four hexadecimal digits are needed")
            }
            code = code << 4 | UInt32(digit)
            offset += 1
        }
        return code
    }
}

/// Length of the well-formed multi-byte sequence at `offset`, or nil (Unicode 15, table 3-7).
func utf8SequenceLength(in bytes: [UInt8], at offset: Int) -> Int? {
    let lead = bytes[offset]
    let (length, second): (Int, ClosedRange<UInt8>)
    switch lead {
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    default: return nil
    }
    guard bytes.count - offset >= length, second.contains(bytes[offset + 1]) else { return nil }
    for index in stride(from: offset + 2, to: offset + length, by: 1) where !(0x80...0xBF).contains(bytes[index]) {
        return nil
    }
    return length
}
