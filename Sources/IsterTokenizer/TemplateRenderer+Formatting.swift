/// `'...' % values` and `'...'.format(values)`.
extension TemplateRenderer {
    /// Width, filling and precision of one field.
    struct FieldStyle {
        var fill: UInt32 = 0x20
        /// "<", ">", "^" or "="; nil for the type's own.
        var alignment: Unicode.Scalar?
        /// `str.center`: of an odd filling and an odd width, the larger half stands before the text, not after it.
        var isCenter = false
        var showsPlus = false
        var width = 0
        var precision: Int?
        var type: Unicode.Scalar?
    }

    // MARK: Percent

    func formatted(_ format: TemplateText, percent value: TemplateItem) throws(ChatTemplateError) -> TemplateItem {
        var values = [value]
        if case .list(let list) = value, list.kind == .tuple { values = list.items }
        var used = 0
        var out: [UInt32] = []
        var index = 0
        while index < format.count {
            let unit = format.units[index]
            index += 1
            guard TemplateText.scalar(unit) == "%" else {
                out.append(unit)
                continue
            }
            var style = FieldStyle()
            let name = try percentStyle(format, &index, &style)
            if style.type == "%" {
                out.append(unit)
                continue
            }
            let part: TemplateItem
            if let name {
                part = try item(value, .text(name))
                used = values.count
            } else {
                guard used < values.count else { throw .invalidOperation(problem: "% has too few values") }
                part = values[used]
                used += 1
            }
            let text = try field(part, style, format.isMarkup)
            try checkLength(out.count + text.count)
            out += text.units
        }
        if used < values.count, !isDictionary(value) { throw .invalidOperation(problem: "% has too many values") }
        return try made(TemplateText(out, isMarkup: format.isMarkup))
    }

    private func isDictionary(_ value: TemplateItem) -> Bool {
        if case .dictionary = value { return true }
        return false
    }

    /// Reads what follows a percent sign. Returns the name in parentheses.
    private func percentStyle(
        _ format: TemplateText, _ index: inout Int, _ style: inout FieldStyle
    ) throws(ChatTemplateError) -> TemplateText? {
        var name: TemplateText?
        func next() -> Unicode.Scalar? { index < format.count ? TemplateText.scalar(format.units[index]) : nil }
        if next() == "(" {
            let start = index + 1
            while let scalar = next(), scalar != ")" { index += 1 }
            name = format.part(start..<max(start, min(index, format.count)))
            index += 1
        }
        style.alignment = ">"
        while let flag = next(), flag == "0" || flag == "-" || flag == "+" || flag == " " {
            if flag == "0", style.alignment != "<" {
                style.fill = 0x30
                style.alignment = "="
            }
            if flag == "-" {
                style.fill = 0x20
                style.alignment = "<"
            }
            if flag == "+" { style.showsPlus = true }
            index += 1
        }
        style.width = try number(format, &index) ?? 0
        if next() == "." {
            index += 1
            style.precision = try number(format, &index) ?? 0
        }
        guard let type = next() else { throw .invalidOperation(problem: "% stands at the end of a format") }
        index += 1
        style.type = type == "i" ? "d" : type
        return name
    }

    private func number(_ text: TemplateText, _ index: inout Int) throws(ChatTemplateError) -> Int? {
        var value: Int?
        while index < text.count, case let digit = text.units[index] & TemplateText.scalarMask, 0x30...0x39 ~= digit {
            value = (value ?? 0) * 10 + Int(digit) - 0x30
            try checkLength(value ?? 0)
            if value ?? 0 > 1 << 40 { throw .limit(.outputBytes, allowed: outputByteLimit) }
            index += 1
        }
        return value
    }

    // MARK: Braces

    func formatted(_ format: TemplateText, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        var out: [UInt32] = []
        var index = 0
        var automatic = 0
        while index < format.count {
            let unit = format.units[index]
            let scalar = TemplateText.scalar(unit)
            index += 1
            guard scalar == "{" || scalar == "}" else {
                out.append(unit)
                continue
            }
            if index < format.count, TemplateText.scalar(format.units[index]) == scalar {
                out.append(unit)
                index += 1
                continue
            }
            guard scalar == "{", let end = format.firstIndex(of: TemplateText("}", isTrusted: true), from: index) else {
                throw .invalidOperation(problem: "a brace of a format stands alone")
            }
            let text = try replacement(format.part(index..<end), call, &automatic, format.isMarkup)
            try checkLength(out.count + text.count)
            out += text.units
            index = end + 1
        }
        return try made(TemplateText(out, isMarkup: format.isMarkup))
    }

    /// Text for `name.attribute[0]!r:>10`.
    private func replacement(
        _ field: TemplateText, _ call: TemplateCall, _ automatic: inout Int, _ isMarkup: Bool
    ) throws(ChatTemplateError) -> TemplateText {
        let colon = field.firstIndex(of: TemplateText(":", isTrusted: true)) ?? field.count
        var name = field.part(0..<colon)
        var conversion: Unicode.Scalar?
        if let mark = name.firstIndex(of: TemplateText("!", isTrusted: true)) {
            if mark + 1 < name.count { conversion = TemplateText.scalar(name.units[mark + 1]) }
            name = name.part(0..<mark)
        }
        var value = try fieldValue(name.string, call, &automatic)
        switch conversion {
        case nil: break
        case "s": value = .text(try text(value))
        case "r":
            var out: [UInt32] = []
            if case .text(let text) = value { Self.quote(text, &out) } else { out = try text(value).units }
            value = .text(TemplateText(out))
        default: throw .invalidOperation(problem: "a format has an unknown conversion")
        }
        let style = try braceStyle(field.part(min(colon + 1, field.count)..<field.count))
        return try self.field(value, style, isMarkup)
    }

    private func fieldValue(
        _ path: String, _ call: TemplateCall, _ automatic: inout Int
    ) throws(ChatTemplateError) -> TemplateItem {
        let first = path.prefix { $0 != "." && $0 != "[" }
        var value: TemplateItem
        if first.isEmpty || Int(first) != nil {
            let place = Int(first) ?? automatic
            if first.isEmpty { automatic += 1 }
            guard call.values.indices.contains(place) else {
                throw .invalidOperation(problem: "a format has no value \(place)")
            }
            value = call.values[place]
        } else {
            guard let named = call.named(String(first)) else {
                throw .invalidOperation(problem: "a format has no value '\(first)'")
            }
            value = named
        }
        var rest = path[first.endIndex...]
        while let mark = rest.first {
            rest.removeFirst()
            try spend()
            if mark == "." {
                let name = rest.prefix { $0 != "." && $0 != "[" }
                value = try attribute(value, String(name))
                rest = rest[name.endIndex...]
            } else {
                let key = rest.prefix { $0 != "]" }
                value = try item(value, Int(key).map { .integer($0) } ?? .trusted(String(key)))
                rest = rest[key.endIndex...].dropFirst()
            }
        }
        return value
    }

    private func braceStyle(_ text: TemplateText) throws(ChatTemplateError) -> FieldStyle {
        var style = FieldStyle()
        var index = 0
        func scalar(_ place: Int) -> Unicode.Scalar? {
            place < text.count ? TemplateText.scalar(text.units[place]) : nil
        }
        func isAlignment(_ place: Int) -> Bool { scalar(place).map { "<>^=".unicodeScalars.contains($0) } ?? false }
        if isAlignment(1) {
            style.fill = text.units[0]
            style.alignment = scalar(1)
            index = 2
        } else if isAlignment(0) {
            style.alignment = scalar(0)
            index = 1
        }
        if scalar(index) == "+" || scalar(index) == "-" {
            style.showsPlus = scalar(index) == "+"
            index += 1
        }
        if scalar(index) == "0", style.alignment == nil {
            style.fill = 0x30
            style.alignment = "="
            index += 1
        }
        style.width = try number(text, &index) ?? 0
        if scalar(index) == "." {
            index += 1
            style.precision = try number(text, &index)
        }
        style.type = scalar(index)
        if style.type != nil { index += 1 }
        if index < text.count { throw .invalidOperation(problem: "a format is not understood") }
        return style
    }
}
