/// `tojson` as transformers has it: Python's `json.dumps`, without escapes for HTML.
extension TemplateRenderer {
    struct JSONStyle {
        var isASCII = false
        var sortsKeys = false
        /// What one level is indented by; nil for everything in one line.
        var indent: TemplateText?
        var itemSeparator = TemplateText(", ", isTrusted: false)
        var keySeparator = TemplateText(": ", isTrusted: false)
    }

    func toJSON(_ value: TemplateItem, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        var style = JSONStyle()
        style.isASCII = call.argument(0, "ensure_ascii")?.isTrue ?? false
        style.sortsKeys = call.argument(3, "sort_keys")?.isTrue ?? false
        switch call.argument(1, "indent") {
        case nil, .null: break
        case .text(let text): style.indent = text
        case let width?:
            guard let count = width.integer else { throw Self.unsupported("indent", width) }
            try checkLength(max(0, count))
            style.indent = TemplateText([UInt32](repeating: 0x20, count: max(0, count)))
        }
        if style.indent != nil { style.itemSeparator = TemplateText(",", isTrusted: false) }
        if let separators = call.argument(2, "separators"), case .list(let list) = separators {
            guard list.items.count == 2, case .text(let item) = list.items[0], case .text(let key) = list.items[1]
            else { throw Self.unsupported("separators", separators) }
            style.itemSeparator = item
            style.keySeparator = key
        }
        var out: [UInt32] = []
        try write(value, style, level: 0, &out)
        return try made(TemplateText(out))
    }

    private func append(_ text: String, _ out: inout [UInt32]) { out += text.unicodeScalars.map { $0.value } }

    private func write(
        _ value: TemplateItem, _ style: JSONStyle, level: Int, _ out: inout [UInt32]
    ) throws(ChatTemplateError) {
        try spend()
        try checkLength(out.count)
        switch value {
        case .null: append("null", &out)
        case .bool(let value): append(value ? "true" : "false", &out)
        case .integer(let value): append(String(value), &out)
        case .float(let value): append(Self.jsonNumber(value), &out)
        case .text(let text):
            try spend(units: text.count)
            Self.writeString(text, isASCII: style.isASCII, &out)
        case .list(let list) where list.kind == .list || list.kind == .tuple:
            append("[", &out)
            for index in list.items.indices {
                try separate(isFirst: index == 0, style, level: level + 1, &out)
                try write(list.items[index], style, level: level + 1, &out)
            }
            if !list.items.isEmpty { try breakLine(style, level: level, &out) }
            append("]", &out)
        case .dictionary(let dictionary): try write(dictionary, style, level: level, &out)
        default: throw Self.unsupported("tojson", value)
        }
    }

    private func write(
        _ dictionary: TemplateDictionary, _ style: JSONStyle, level: Int, _ out: inout [UInt32]
    ) throws(ChatTemplateError) {
        append("{", &out)
        var order = Array(dictionary.keys.indices)
        if style.sortsKeys { order = try sorted(dictionary.keys) }
        for (place, index) in order.enumerated() {
            try separate(isFirst: place == 0, style, level: level + 1, &out)
            try writeKey(dictionary.keys[index], style, &out)
            out += style.keySeparator.units
            try write(dictionary.values[index], style, level: level + 1, &out)
        }
        if dictionary.count > 0 { try breakLine(style, level: level, &out) }
        append("}", &out)
    }

    private func writeKey(_ key: TemplateItem, _ style: JSONStyle, _ out: inout [UInt32]) throws(ChatTemplateError) {
        switch key {
        case .text(let text):
            try spend(units: text.count)
            Self.writeString(text, isASCII: style.isASCII, &out)
        case .null, .bool, .integer, .float:
            append("\"", &out)
            try write(key, style, level: 0, &out)
            append("\"", &out)
        default: throw Self.unsupported("a key of JSON", key)
        }
    }

    private func separate(
        isFirst: Bool, _ style: JSONStyle, level: Int, _ out: inout [UInt32]
    ) throws(ChatTemplateError) {
        if !isFirst { out += style.itemSeparator.units }
        try breakLine(style, level: level, &out)
    }

    private func breakLine(_ style: JSONStyle, level: Int, _ out: inout [UInt32]) throws(ChatTemplateError) {
        guard let indent = style.indent else { return }
        // Levels are at most `valueDepth`.
        try checkLength(out.count + indent.count * level)
        try spend(units: indent.count * level)
        append("\n", &out)
        for _ in 0..<level { out += indent.units }
    }

    private static func jsonNumber(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return TemplateNumber.text(value)
    }

    /// Escapes belong to whoever wrote what they stand for.
    private static func writeString(_ text: TemplateText, isASCII: Bool, _ out: inout [UInt32]) {
        out.append(0x22)
        for unit in text.units {
            let value = unit & TemplateText.scalarMask
            switch value {
            case 0x22: TemplateText.append("\\\"", like: unit, &out)
            case 0x5C: TemplateText.append("\\\\", like: unit, &out)
            case 0x0A: TemplateText.append("\\n", like: unit, &out)
            case 0x0D: TemplateText.append("\\r", like: unit, &out)
            case 0x09: TemplateText.append("\\t", like: unit, &out)
            case 0x0C: TemplateText.append("\\f", like: unit, &out)
            case 0x08: TemplateText.append("\\b", like: unit, &out)
            case 0..<0x20: TemplateText.append("\\u" + hexadecimal(value, 4), like: unit, &out)
            case 0x7F... where isASCII:
                for half in String(TemplateText.scalar(unit)).utf16 {
                    TemplateText.append("\\u" + hexadecimal(UInt32(half), 4), like: unit, &out)
                }
            default: out.append(unit)
            }
        }
        out.append(0x22)
    }
}
