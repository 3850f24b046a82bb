/// Cuts a template into tokens as jinja2's lexer does with `trim_blocks` and `lstrip_blocks`: a block tag takes the
/// line end after it along and the blanks before it, when it begins a line; `-` takes all white space, `+` none.
struct TemplateLexer {
    let source: [UInt32]
    var position = 0
    var line = 1
    var tokens: [TemplateToken] = []
    private var beginsLine = true
    /// Closing brackets that are due inside a tag.
    var brackets: [TemplateSymbol] = []

    static func tokens(_ source: String) throws(ChatTemplateError) -> [TemplateToken] {
        if source.utf8.count > TemplateLimits.sourceBytes {
            throw .limit(.sourceBytes, allowed: TemplateLimits.sourceBytes)
        }
        var lexer = TemplateLexer(source: normalized(source))
        while lexer.position < lexer.source.count { try lexer.readText() }
        lexer.append(.end)
        return lexer.tokens
    }

    private init(source: [UInt32]) { self.source = source }

    /// Line ends become "\n"; the last one goes.
    static func normalized(_ source: String) -> [UInt32] {
        var units: [UInt32] = []
        var wasReturn = false
        for scalar in source.unicodeScalars {
            if scalar == "\n", wasReturn {
                wasReturn = false
                continue
            }
            wasReturn = scalar == "\r"
            units.append(wasReturn ? 0x0A : scalar.value)
        }
        if units.last == 0x0A { units.removeLast() }
        return units
    }

    mutating func append(_ kind: TemplateToken.Kind) { tokens.append(TemplateToken(kind: kind, line: line)) }

    func character(_ index: Int) -> Unicode.Scalar? {
        index < source.count ? TemplateText.scalar(source[index]) : nil
    }

    func starts(_ text: StaticString, at index: Int) -> Bool {
        var offset = index
        for scalar in text.description.unicodeScalars {
            guard offset < source.count, source[offset] == scalar.value else { return false }
            offset += 1
        }
        return true
    }

    func skippingSpace(_ index: Int) -> Int {
        var index = index
        while index < source.count, TemplateText.isSpace(source[index]) { index += 1 }
        return index
    }

    private func nextTag() -> Int? {
        var index = position
        while index + 1 < source.count {
            if source[index] == 0x7B, [0x25, 0x7B, 0x23].contains(source[index + 1]) { return index }
            index += 1
        }
        return nil
    }

    /// Text up to the next tag, and the tag.
    private mutating func readText() throws(ChatTemplateError) {
        guard let tag = nextTag() else {
            appendText(position..<source.count)
            position = source.count
            return
        }
        let kind = character(tag + 1)
        let sign = character(tag + 2)
        appendText(textRange(position..<tag, sign: sign, isOutput: kind == "{"))
        countLines(position..<tag)
        let begin = tag + (sign == "-" || sign == "+" ? 3 : 2)
        position = begin
        switch kind {
        case "%":
            if let end = rawBegin(begin) {
                countLines(begin..<end)
                position = end
                beginsLine = source[end - 1] == 0x0A
                try readRaw()
            } else {
                append(.blockBegin)
                try readTag(closing: "%}", .blockEnd, trimsLine: true)
            }
        case "{":
            append(.outputBegin)
            try readTag(closing: "}}", .outputEnd, trimsLine: false)
        default: try readComment()
        }
    }

    /// What stays of the text before a tag.
    private func textRange(_ range: Range<Int>, sign: Unicode.Scalar?, isOutput: Bool) -> Range<Int> {
        var end = range.upperBound
        if sign == "-" {
            while end > range.lowerBound, TemplateText.isSpace(source[end - 1]) { end -= 1 }
            return range.lowerBound..<end
        }
        if sign == "+" || isOutput { return range }
        while end > range.lowerBound, source[end - 1] != 0x0A {
            if !TemplateText.isSpace(source[end - 1]) { return range }
            end -= 1
        }
        return end > range.lowerBound || beginsLine ? range.lowerBound..<end : range
    }

    private mutating func appendText(_ range: Range<Int>) {
        if range.isEmpty { return }
        append(.text(TemplateText(source[range].map { $0 | TemplateText.trustBit })))
    }

    mutating func countLines(_ range: Range<Int>) {
        for index in range where source[index] == 0x0A { line += 1 }
    }

    /// End of the tag that is closed at `index`, with the white space that goes with it.
    private func closed(_ closing: StaticString, at index: Int, trimsLine: Bool) -> Int? {
        if starts(closing, at: index) {
            let end = index + 2
            return trimsLine && end < source.count && source[end] == 0x0A ? end + 1 : end
        }
        guard let sign = character(index), starts(closing, at: index + 1) else { return nil }
        if sign == "-" { return skippingSpace(index + 3) }
        return sign == "+" && trimsLine ? index + 3 : nil
    }

    private mutating func close(_ end: Int) {
        countLines(position..<end)
        beginsLine = source[end - 1] == 0x0A
        position = end
    }

    private mutating func readTag(
        closing: StaticString, _ kind: TemplateToken.Kind, trimsLine: Bool
    ) throws(ChatTemplateError) {
        brackets = []
        while true {
            if brackets.isEmpty, let end = closed(closing, at: position, trimsLine: trimsLine) {
                append(kind)
                close(end)
                return
            }
            guard position < source.count else { throw .syntax(line: line, problem: "a tag is not closed") }
            try readToken()
        }
    }

    private mutating func readComment() throws(ChatTemplateError) {
        for index in position..<max(position, source.count) {
            if let end = closed("#}", at: index, trimsLine: true) {
                close(end)
                return
            }
        }
        throw .syntax(line: line, problem: "a comment is not closed")
    }

    /// End of the tag `raw` whose inside begins at `index`.
    private func rawBegin(_ index: Int) -> Int? {
        let name = skippingSpace(index)
        guard starts("raw", at: name) else { return nil }
        let end = skippingSpace(name + 3)
        if starts("%}", at: end) { return end + 2 }
        return starts("-%}", at: end) ? skippingSpace(end + 3) : nil
    }

    private mutating func readRaw() throws(ChatTemplateError) {
        for tag in position..<max(position, source.count) where starts("{%", at: tag) {
            let sign = character(tag + 2)
            let name = skippingSpace(tag + (sign == "-" || sign == "+" ? 3 : 2))
            guard starts("endraw", at: name) else { continue }
            guard let end = closed("%}", at: skippingSpace(name + 6), trimsLine: true) else { continue }
            appendText(textRange(position..<tag, sign: sign, isOutput: false))
            close(end)
            return
        }
        throw .syntax(line: line, problem: "a raw block is not closed")
    }
}
