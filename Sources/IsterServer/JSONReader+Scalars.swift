extension JSONReader {
    /// int = "0" / digit1-9 *digit, then an optional fraction and exponent (RFC 8259, section 6).
    mutating func number() throws(JSONError) -> JSONValue {
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
        guard offset - start <= Self.numberByteLimit else { throw error("a number of too many digits") }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if isInteger, let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { throw error("a number beyond a 64-bit float") }
        return .number(number)
    }

    private mutating func digits() throws(JSONError) {
        let start = offset
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
        if offset == start { throw error("a digit is needed") }
    }

    mutating func string() throws(JSONError) -> String {
        offset += 1
        var escaped: [UInt8] = []
        var runStart = offset
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""):
                let run = bytes[runStart..<offset]
                offset += 1
                // The usual string has no escape: one slice.
                let text =
                    escaped.isEmpty
                    ? String(validating: run, as: UTF8.self) : String(validating: escaped + run, as: UTF8.self)
                guard let text else { throw error("invalid UTF-8") }
                return text
            case UInt8(ascii: "\\"):
                escaped += bytes[runStart..<offset]
                try escape(into: &escaped)
                runStart = offset
            case 0..<0x20: throw error("a control character in a string")
            default: offset += 1
            }
        }
        throw error("a string has no end")
    }

    private mutating func escape(into out: inout [UInt8]) throws(JSONError) {
        offset += 1
        guard let letter = peek() else { throw error("a string has no end") }
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
                guard (0xDC00..<0xE000).contains(low) else { throw error("a lone surrogate") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("a lone surrogate") }
            out += String(scalar).utf8
        default: throw error("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek(), byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error("four hexadecimal digits are needed")
            }
            code = code << 4 | UInt32(digit)
            offset += 1
        }
        return code
    }
}
