/// Tokens inside a tag.
extension TemplateLexer {
    mutating func readToken() throws(ChatTemplateError) {
        guard let first = character(position) else { return }
        if TemplateText.isSpace(first.value) {
            let end = skippingSpace(position)
            countLines(position..<end)
            position = end
        } else if first.value >= 0x30 && first.value <= 0x39 {
            try readNumber()
        } else if Self.isNamePart(first) {
            readName()
        } else if first == "'" || first == "\"" {
            try readString(quote: first)
        } else {
            try readSymbol(first)
        }
    }

    private static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_": true
        default: scalar.value >= 0x80 && (scalar.properties.isXIDContinue)
        }
    }

    private mutating func readName() {
        let start = position
        while let scalar = character(position), Self.isNamePart(scalar) { position += 1 }
        append(.name(TemplateText.string(source[start..<position])))
    }

    private mutating func readSymbol(_ first: Unicode.Scalar) throws(ChatTemplateError) {
        var symbol: TemplateSymbol?
        if let second = character(position + 1) { symbol = TemplateSymbol(rawValue: String(first) + String(second)) }
        let length = symbol == nil ? 1 : 2
        guard let symbol = symbol ?? TemplateSymbol(rawValue: String(first)) else {
            throw .syntax(line: line, problem: "unexpected character '\(first)'")
        }
        switch symbol {
        case .leftParenthesis: brackets.append(.rightParenthesis)
        case .leftBracket: brackets.append(.rightBracket)
        case .leftBrace: brackets.append(.rightBrace)
        case .rightParenthesis, .rightBracket, .rightBrace:
            guard brackets.popLast() == symbol else {
                throw .syntax(line: line, problem: "unexpected '\(symbol.rawValue)'")
            }
        default: break
        }
        append(.symbol(symbol))
        position += length
    }

    private func digitsEnd(_ start: Int, radix: Int = 10) -> Int {
        var index = start
        while let scalar = character(index) {
            let isDigit = Int(String(scalar), radix: radix) != nil
            let isGap = scalar == "_" && character(index + 1).map { Int(String($0), radix: radix) != nil } == true
            guard isDigit || isGap && index > start else { break }
            index += 1
        }
        return index
    }

    private mutating func readNumber() throws(ChatTemplateError) {
        let start = position
        let radixes: [Unicode.Scalar: Int] = ["x": 16, "X": 16, "o": 8, "O": 8, "b": 2, "B": 2]
        if character(start) == "0", let radix = character(start + 1).flatMap({ radixes[$0] }) {
            let end = digitsEnd(start + 2, radix: radix)
            try appendInteger(start + 2..<end, radix: radix)
            position = end
            return
        }
        var end = digitsEnd(start)
        var isFloat = false
        let isAfterDot = start > 0 && source[start - 1] == 0x2E
        if !isAfterDot, character(end) == ".", digitsEnd(end + 1) > end + 1 {
            end = digitsEnd(end + 1)
            isFloat = true
        }
        if !isAfterDot, character(end) == "e" || character(end) == "E" {
            let hasSign = character(end + 1) == "+" || character(end + 1) == "-"
            let digits = end + (hasSign ? 2 : 1)
            if digitsEnd(digits) > digits {
                end = digitsEnd(digits)
                isFloat = true
            }
        }
        if isFloat {
            let text = TemplateText.string(source[start..<end]).filter { $0 != "_" }
            guard let value = Double(text) else { throw .syntax(line: line, problem: "'\(text)' is not a number") }
            append(.literal(.float(value)))
        } else {
            try appendInteger(start..<end, radix: 10)
        }
        position = end
    }

    private mutating func appendInteger(_ range: Range<Int>, radix: Int) throws(ChatTemplateError) {
        let text = TemplateText.string(source[range]).filter { $0 != "_" }
        guard let value = Int(text, radix: radix) else {
            throw .syntax(line: line, problem: "'\(text)' is not an integer of 64 bits")
        }
        append(.literal(.integer(value)))
    }

    private mutating func readString(quote: Unicode.Scalar) throws(ChatTemplateError) {
        let first = line
        position += 1
        var units: [UInt32] = []
        while let scalar = character(position) {
            position += 1
            if scalar == quote {
                append(.literal(.text(TemplateText(units.map { $0 | TemplateText.trustBit }))))
                return
            }
            if scalar == "\n" { line += 1 }
            if scalar == "\\" { try readEscape(&units) } else { units.append(scalar.value) }
        }
        throw .syntax(line: first, problem: "a string is not closed")
    }

    private mutating func readEscape(_ units: inout [UInt32]) throws(ChatTemplateError) {
        guard let scalar = character(position) else { return }
        position += 1
        let simple: [Unicode.Scalar: UInt32] = [
            "n": 10, "t": 9, "r": 13, "\\": 0x5C, "'": 0x27, "\"": 0x22, "a": 7, "b": 8, "f": 12, "v": 11,
        ]
        if let value = simple[scalar] {
            units.append(value)
            return
        }
        switch scalar {
        case "\n": line += 1
        case "x": try appendScalar(digits: 2, radix: 16, exactly: true, &units)
        case "u": try appendScalar(digits: 4, radix: 16, exactly: true, &units)
        case "U": try appendScalar(digits: 8, radix: 16, exactly: true, &units)
        case "0"..."7":
            position -= 1
            try appendScalar(digits: 3, radix: 8, exactly: false, &units)
        case "N": throw .syntax(line: line, problem: "character names are not supported")
        default: units += [0x5C, scalar.value]
        }
    }

    private mutating func appendScalar(
        digits: Int, radix: Int, exactly: Bool, _ units: inout [UInt32]
    ) throws(ChatTemplateError) {
        var value: UInt32 = 0
        var count = 0
        while count < digits, let scalar = character(position), let digit = UInt32(String(scalar), radix: radix) {
            value = value &* UInt32(radix) &+ digit
            count += 1
            position += 1
        }
        guard count == digits || !exactly, let scalar = Unicode.Scalar(value) else {
            throw .syntax(line: line, problem: "an escape in a string names no character")
        }
        units.append(scalar.value)
    }
}
