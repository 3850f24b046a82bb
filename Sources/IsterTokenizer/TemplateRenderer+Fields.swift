/// One value in a format.
extension TemplateRenderer {
    func field(
        _ value: TemplateItem, _ style: FieldStyle, _ isMarkup: Bool
    ) throws(ChatTemplateError) -> TemplateText {
        var style = style
        var text: TemplateText
        switch style.type {
        case nil where value.number == nil || isBoolean(value), "s":
            text = try self.text(value)
            try spend(units: text.count)
            if isMarkup { text = text.escaped }
            if let precision = style.precision { text = text.part(0..<min(precision, text.count)) }
            if style.alignment == nil || style.alignment == "=" {
                style.alignment = style.type == "s" ? style.alignment : "<"
            }
            if style.alignment == "=" { style.alignment = ">" }
        case "r":
            text = try self.text(try formattedRepresentation(value))
            try spend(units: text.count)
        default: text = TemplateText(try numberText(value, style), isTrusted: true)
        }
        return try padded(text, style, isNumber: style.type != "s" && value.number != nil)
    }

    private func isBoolean(_ value: TemplateItem) -> Bool {
        if case .bool = value { return true }
        return false
    }

    private func formattedRepresentation(_ value: TemplateItem) throws(ChatTemplateError) -> TemplateItem {
        guard case .text(let text) = value else { return value }
        var out: [UInt32] = []
        Self.quote(text, &out)
        return .text(TemplateText(out))
    }

    private func numberText(_ value: TemplateItem, _ style: FieldStyle) throws(ChatTemplateError) -> String {
        var text: String
        switch style.type {
        case "d", nil, "u":
            if style.type == nil, case .float(let number) = value {
                text = style.precision == nil ? TemplateNumber.text(number) : try decimals(number, style)
            } else if case .float(let number) = value, let whole = Int(exactly: number.rounded(.towardZero)) {
                text = String(whole)
            } else {
                guard let whole = value.integer else { throw Self.unsupported("a number format", value) }
                text = String(whole)
            }
        case "f", "F":
            guard let number = value.number else { throw Self.unsupported("a number format", value) }
            text = try decimals(number, style)
        case "x", "X", "o", "b":
            guard let whole = value.integer else { throw Self.unsupported("a number format", value) }
            let radix = style.type == "o" ? 8 : style.type == "b" ? 2 : 16
            text = String(whole, radix: radix, uppercase: style.type == "X")
        default: throw .invalidOperation(problem: "a format has an unknown type")
        }
        if style.showsPlus, !text.hasPrefix("-") { text = "+" + text }
        return text
    }

    private func decimals(_ value: Double, _ style: FieldStyle) throws(ChatTemplateError) -> String {
        try decimalText(value, style.precision ?? 6)
    }

    /// Very large and very small values have up to 1,075 digits, and making them is work.
    func decimalText(_ value: Double, _ decimals: Int) throws(ChatTemplateError) -> String {
        if !(-400...1_100).contains(decimals) { throw .invalidOperation(problem: "no number has \(decimals) decimals") }
        try spend(items: (1e-30...1e30).contains(value.magnitude) ? 200 : 5_000)
        return TemplateNumber.text(value, decimals: decimals)
    }

    private func padded(
        _ text: TemplateText, _ style: FieldStyle, isNumber: Bool
    ) throws(ChatTemplateError) -> TemplateText {
        try checkLength(style.width)
        if text.count >= style.width { return text }
        try spend(units: style.width)
        let count = style.width - text.count
        let alignment = style.alignment ?? (isNumber ? ">" : "<")
        let filling = [UInt32](repeating: style.fill, count: count)
        switch alignment {
        case "<": return TemplateText(text.units + filling, isMarkup: text.isMarkup)
        case "^":
            let before = count / 2 + (style.isCenter ? count & style.width & 1 : 0)
            return TemplateText(filling[..<before] + text.units + filling[before...])
        case "=":
            let sign = text.units.prefix { [0x2B, 0x2D].contains($0 & TemplateText.scalarMask) }.prefix(1)
            return TemplateText(sign + filling + text.units.dropFirst(sign.count))
        default: return TemplateText(filling + text.units, isMarkup: text.isMarkup)
        }
    }

    /// `zfill`, `ljust`, `rjust` and `center`.
    func padded(_ text: TemplateText, _ call: TemplateCall, _ name: String) throws(ChatTemplateError) -> TemplateItem {
        guard let width = call.argument(0, "width")?.integer else { throw Self.wrongArguments(name) }
        var style = FieldStyle()
        style.width = max(0, width)
        switch name {
        case "ljust": style.alignment = "<"
        case "rjust": style.alignment = ">"
        case "zfill":
            style.alignment = "="
            style.fill = 0x30
        default:
            style.alignment = "^"
            style.isCenter = true
        }
        if let fill = try optionalText(call.argument(1, "fillchar"), name) {
            guard fill.count == 1 else { throw Self.wrongArguments(name) }
            style.fill = fill.units[0]
        }
        return try made(try padded(text, style, isNumber: false))
    }
}
