/// `value | name(arguments)`: the filters of jinja2 for text and numbers.
extension TemplateRenderer {
    static let filterNames: Set<String> = [
        "abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape", "first",
        "float", "forceescape", "format", "groupby", "indent", "int", "items", "join", "last", "length", "list",
        "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select",
        "selectattr", "sort", "string", "sum", "title", "tojson", "trim", "unique", "upper", "wordcount",
    ]

    func filter(
        _ name: String, _ value: TemplateItem, _ call: TemplateCall
    ) throws(ChatTemplateError) -> TemplateItem {
        try enter()
        defer { leave() }
        if let found = try textFilter(name, value, call) { return found }
        if let found = try numberFilter(name, value, call) { return found }
        if let found = try listFilter(name, value, call) { return found }
        throw .invalidOperation(problem: "there is no filter '\(name)'")
    }

    private func textFilter(
        _ name: String, _ value: TemplateItem, _ call: TemplateCall
    ) throws(ChatTemplateError) -> TemplateItem? {
        switch name {
        case "trim": return try made(try text(value).stripped(try optionalText(call.argument(0, "chars"), name)))
        case "upper": return try made(try text(value).uppercased)
        case "lower": return try made(try text(value).lowercased)
        case "capitalize": return try made(try text(value).capitalized)
        case "title": return try made(try titled(try text(value)))
        case "string": return try made(try text(value))
        case "safe":
            var text = try text(value)
            text.isMarkup = true
            return try made(text)
        case "e", "escape": return try made(try text(value).escaped)
        case "forceescape":
            var text = try text(value)
            text.isMarkup = false
            return try made(text.escaped)
        case "replace":
            let old = call.argument(0, "old") ?? .null
            let new = call.argument(1, "new") ?? .null
            var values: [TemplateItem] = [.text(try text(old)), .text(try text(new))]
            if let count = call.argument(2, "count") { values.append(count) }
            return try replaced(try text(value), TemplateCall(values: values))
        case "indent": return try indented(try text(value), call)
        case "format":
            if call.named.isEmpty {
                return try formatted(try text(value), percent: try makeList(call.values, .tuple))
            }
            let named = try makeDictionary(call.named.map { .trusted($0.name) }, call.named.map(\.value))
            return try formatted(try text(value), percent: named)
        case "center":
            return try padded(try text(value), call.values.isEmpty ? TemplateCall(values: [.integer(80)]) : call, name)
        case "wordcount": return .integer(Self.wordCount(try text(value)))
        case "tojson": return try toJSON(value, call)
        default: return nil
        }
    }

    /// Jinja2's own: upper case after a blank, hyphen or opening bracket.
    private func titled(_ text: TemplateText) throws(ChatTemplateError) -> TemplateText {
        var isInWord = false
        return text.mapped { scalar in
            defer { isInWord = !(TemplateText.isSpace(scalar.value) || "-({[<".unicodeScalars.contains(scalar)) }
            return isInWord ? scalar.properties.lowercaseMapping : scalar.properties.uppercaseMapping
        }
    }

    private static func wordCount(_ text: TemplateText) -> Int {
        var count = 0
        var isInWord = false
        for unit in text.units {
            let properties = TemplateText.scalar(unit).properties
            let isWord =
                properties.isAlphabetic || properties.numericType != nil
                || unit & TemplateText.scalarMask == 0x5F
            if isWord, !isInWord { count += 1 }
            isInWord = isWord
        }
        return count
    }

    private func indented(_ text: TemplateText, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        var indent = TemplateText("    ", isTrusted: true)
        switch call.argument(0, "width") {
        case nil: break
        case .text(let text)?: indent = text
        case let width?:
            guard let count = width.integer else { throw Self.wrongArguments("indent") }
            try checkLength(max(0, count))
            indent = TemplateText([UInt32](repeating: 0x20 | TemplateText.trustBit, count: max(0, count)))
        }
        let indentsFirst = call.argument(1, "first")?.isTrue ?? false
        let indentsBlank = call.argument(2, "blank")?.isTrue ?? false
        var source = text
        source.units.append(0x0A)
        var units: [UInt32] = []
        for (index, line) in source.lines().enumerated() {
            if index > 0 { units.append(0x0A) }
            if index == 0 ? indentsFirst : indentsBlank || line.count > 0 { units += indent.units }
            units += line.units
            try checkLength(units.count)
        }
        return try made(TemplateText(units, isMarkup: text.isMarkup))
    }

    // MARK: Numbers and the rest

    private func numberFilter(
        _ name: String, _ value: TemplateItem, _ call: TemplateCall
    ) throws(ChatTemplateError) -> TemplateItem? {
        switch name {
        case "default", "d":
            let replaces = value.isUndefined || call.argument(1, "boolean")?.isTrue == true && !value.isTrue
            return replaces ? call.argument(0, "default_value") ?? .text(TemplateText([])) : value
        case "int": return try integer(value, call)
        case "float": return try float(value) ?? call.argument(0, "default") ?? .float(0)
        case "abs":
            if case .float(let number) = value { return .float(number.magnitude) }
            guard let number = value.integer else { throw Self.unsupported("abs", value) }
            return number < 0 ? try signed(.integer(number), isNegative: true) : .integer(number)
        case "round": return try rounded(value, call)
        case "attr":
            guard case .text(let attribute)? = call.values.first else { throw Self.wrongArguments(name) }
            if case .dictionary = value, !Self.isMethod(attribute.string, of: value) {
                return .undefined("a dict has no attribute '\(attribute.string)'")
            }
            return try self.attribute(value, attribute.string)
        default: return nil
        }
    }

    private static func trimmedNumber(_ text: TemplateText) -> String {
        text.stripped().string.filter { $0 != "_" }
    }

    private func integer(_ value: TemplateItem, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        let standard = call.argument(0, "default") ?? .integer(0)
        switch value {
        case .undefined(let problem): throw .undefined(problem: problem)
        case .integer: return value
        case .bool(let flag): return .integer(flag ? 1 : 0)
        case .float(let number): return Int(exactly: number.rounded(.towardZero)).map { .integer($0) } ?? standard
        case .text(let text):
            try spend(units: text.count)
            let base = call.argument(1, "base")?.integer ?? 10
            var digits = Self.trimmedNumber(text)
            for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where base == radix && digits.hasPrefix(prefix) {
                digits.removeFirst(2)
            }
            if (2...36).contains(base), let number = Int(digits, radix: base) { return .integer(number) }
            guard base == 10, case .float(let number)? = try float(value) else { return standard }
            return Int(exactly: number.rounded(.towardZero)).map { .integer($0) } ?? standard
        default: return standard
        }
    }

    private func float(_ value: TemplateItem) throws(ChatTemplateError) -> TemplateItem? {
        switch value {
        case .undefined(let problem): throw .undefined(problem: problem)
        case .text(let text):
            try spend(units: text.count)
            let digits = Self.trimmedNumber(text)
            // Swift reads hexadecimal numbers, too; Python does not.
            return digits.contains { $0 == "x" || $0 == "X" || $0 == "p" } ? nil : Double(digits).map { .float($0) }
        default: return value.number.map { .float($0) }
        }
    }

    private func rounded(_ value: TemplateItem, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        guard let number = value.number else { throw Self.unsupported("round", value) }
        let decimals = call.argument(0, "precision")?.integer ?? 0
        var method = "common"
        if case .text(let text)? = call.argument(1, "method") { method = text.string }
        switch method {
        case "common":
            if let whole = value.integer { return .integer(try Self.rounded(whole, decimals)) }
            let text = try decimalText(number, decimals)
            return .float(Double(text) ?? number)
        case "ceil", "floor":
            let scale = try calculate(.power, .integer(10), .integer(decimals)).number ?? 1
            return .float((number * scale).rounded(method == "ceil" ? .up : .down) / scale)
        default: throw Self.wrongArguments("round")
        }
    }

    /// Python's `round` of an integer: the nearest multiple of a power of ten, of two the even one.
    private static func rounded(_ value: Int, _ decimals: Int) throws(ChatTemplateError) -> Int {
        if decimals >= 0 { return value }
        // 10 to the 20th is more than twice any value.
        if decimals < -19 { return 0 }
        var unit: UInt = 1
        for _ in decimals..<0 { unit *= 10 }
        let (quotient, rest) = value.magnitude.quotientAndRemainder(dividingBy: unit)
        let roundsUp = rest > unit / 2 || rest == unit / 2 && quotient % 2 == 1
        // At most 2^63 and half of 10^19, which 64 bits without a sign hold.
        guard let magnitude = Int(exactly: (roundsUp ? quotient + 1 : quotient) * unit) else {
            throw .invalidOperation(problem: "round gives an integer of over 64 bits")
        }
        return value < 0 ? -magnitude : magnitude
    }
}
