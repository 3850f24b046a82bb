/// Recursive descent over bytes; recursion is bounded by `depthLimit`.
struct JSONParser {
    private let bytes: [UInt8]
    private let depthLimit: Int
    private var offset = 0
    private var depth = 0

    init(bytes: [UInt8], depthLimit: Int) {
        self.bytes = bytes
        self.depthLimit = depthLimit
    }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value()
        skipSpace()
        if offset != bytes.count { throw .syntax(offset: offset, problem: "text after the document") }
        return value
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        skipSpace()
        guard let first = peek() else {
            throw .syntax(offset: offset, problem: "the text ends where a value is needed")
        }
        switch first {
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw .syntax(offset: offset, problem: "no value starts with byte \(first)")
        }
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        try descend()
        var object = JSONObject()
        skipSpace()
        if take(UInt8(ascii: "}")) {
            depth -= 1
            return object
        }
        while true {
            skipSpace()
            let keyOffset = offset
            guard peek() == UInt8(ascii: "\"") else { throw .syntax(offset: offset, problem: "a key is needed") }
            let key = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw .syntax(offset: offset, problem: "':' is needed") }
            let member = try value()
            guard object.append(key, member) else {
                throw .duplicateKey(offset: keyOffset, key: String(decoding: key, as: UTF8.self))
            }
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw .syntax(offset: offset, problem: "',' or '}' is needed") }
            depth -= 1
            return object
        }
    }

    private mutating func array() throws(JSONError) -> [JSONValue] {
        try descend()
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) {
            depth -= 1
            return values
        }
        while true {
            values.append(try value())
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw .syntax(offset: offset, problem: "',' or ']' is needed") }
            depth -= 1
            return values
        }
    }

    /// Steps over the bracket.
    private mutating func descend() throws(JSONError) {
        depth += 1
        if depth > depthLimit { throw .tooDeep(offset: offset, limit: depthLimit) }
        offset += 1
    }

    private mutating func literal(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[offset...].starts(with: word.utf8) else {
            throw .syntax(offset: offset, problem: "an unknown word")
        }
        offset += word.utf8.count
        return value
    }

    private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        offset += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }
}

extension JSONParser {
    /// int = "0" / digit1-9 *digit, then an optional fraction and exponent (RFC 8259, section 6).
    private mutating func number() throws(JSONError) -> JSONValue {
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
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if isInteger, let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else {
            throw .syntax(offset: start, problem: "the number is beyond a 64-bit float")
        }
        return .number(number)
    }

    private mutating func digits() throws(JSONError) {
        let start = offset
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
        if offset == start { throw .syntax(offset: offset, problem: "a digit is needed") }
    }

    private mutating func string() throws(JSONError) -> [UInt8] {
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
            case 0..<0x20: throw .syntax(offset: offset, problem: "a control character in a string")
            case 0x20..<0x80: offset += 1
            default:
                guard let length = utf8SequenceLength(in: bytes, at: offset) else {
                    throw .syntax(offset: offset, problem: "invalid UTF-8")
                }
                offset += length
            }
        }
        throw .syntax(offset: opening, problem: "the string has no end")
    }

    private mutating func escape(into out: inout [UInt8]) throws(JSONError) {
        let start = offset
        offset += 1
        guard let letter = peek() else { throw .syntax(offset: start, problem: "the string has no end") }
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
                    throw .syntax(offset: start, problem: "a lone surrogate")
                }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw .syntax(offset: start, problem: "a lone surrogate") }
            out += String(scalar).utf8
        default: throw .syntax(offset: start, problem: "an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw .syntax(offset: offset, problem: "four hexadecimal digits are needed")
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
