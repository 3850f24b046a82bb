/// Values as text.
extension TemplateRenderer {
    /// Python's `str`. Numbers and the like count as the template's text: a user cannot spell anything with them.
    func text(_ value: TemplateItem) throws(ChatTemplateError) -> TemplateText {
        switch value {
        case .text(let text): return text
        case .undefined: return TemplateText([])
        case .null: return TemplateText("None", isTrusted: true)
        case .bool(let value): return TemplateText(value ? "True" : "False", isTrusted: true)
        case .integer(let value): return TemplateText(String(value), isTrusted: true)
        case .float(let value): return TemplateText(TemplateNumber.text(value), isTrusted: true)
        default:
            var out: [UInt32] = []
            try represent(value, 0, &out)
            return TemplateText(out)
        }
    }

    private func append(_ text: StaticString, _ out: inout [UInt32]) {
        for scalar in text.description.unicodeScalars { out.append(scalar.value) }
    }

    /// Python's `repr`. What it puts between the parts of a list is not trusted.
    private func represent(_ value: TemplateItem, _ level: Int, _ out: inout [UInt32]) throws(ChatTemplateError) {
        try spend()
        try checkLength(out.count)
        if level > TemplateLimits.valueDepth { throw .limit(.valueDepth, allowed: TemplateLimits.valueDepth) }
        switch value {
        case .text(let text):
            try spend(units: text.count)
            Self.quote(text, &out)
        case .undefined: append("Undefined", &out)
        case .list(let list): try represent(list, level, &out)
        case .dictionary(let dictionary):
            try represent(dictionary.keys, dictionary.values, level, &out)
        case .namespace(let namespace):
            append("<Namespace ", &out)
            let values = namespace.names.map { namespace.values[$0] ?? .null }
            try represent(namespace.names.map { .trusted($0) }, values, level, &out)
            append(">", &out)
        case .callable: append("<function>", &out)
        case .loop(let loop):
            append("<LoopContext ", &out)
            out += try text(.integer(loop.index + 1)).units
            append("/", &out)
            out += try text(.integer(try length(loop))).units
            append(">", &out)
        default: out += try text(value).units
        }
    }

    private func represent(
        _ keys: [TemplateItem], _ values: [TemplateItem], _ level: Int, _ out: inout [UInt32]
    ) throws(ChatTemplateError) {
        append("{", &out)
        for index in keys.indices {
            if index > 0 { append(", ", &out) }
            try represent(keys[index], level + 1, &out)
            append(": ", &out)
            try represent(values[index], level + 1, &out)
        }
        append("}", &out)
    }

    private func represent(_ list: TemplateList, _ level: Int, _ out: inout [UInt32]) throws(ChatTemplateError) {
        switch list.kind {
        case .list: append("[", &out)
        case .tuple, .group: append("(", &out)
        case .range: append("range([", &out)
        case .keys: append("dict_keys([", &out)
        case .values: append("dict_values([", &out)
        case .items: append("dict_items([", &out)
        case .generator: append("<generator [", &out)
        }
        for index in list.items.indices {
            if index > 0 { append(", ", &out) }
            try represent(list.items[index], level + 1, &out)
        }
        switch list.kind {
        case .list: append("]", &out)
        case .tuple: if list.items.count == 1 { append(",)", &out) } else { append(")", &out) }
        case .group: append(")", &out)
        case .generator: append("]>", &out)
        default: append("])", &out)
        }
    }

    /// Python's quotes: double ones only around text with single ones alone.
    static func quote(_ text: TemplateText, _ out: inout [UInt32]) {
        var hasSingle = false
        var hasDouble = false
        for unit in text.units {
            hasSingle = hasSingle || unit & TemplateText.scalarMask == 0x27
            hasDouble = hasDouble || unit & TemplateText.scalarMask == 0x22
        }
        let quote: UInt32 = hasSingle && !hasDouble ? 0x22 : 0x27
        out.append(quote)
        for unit in text.units {
            let value = unit & TemplateText.scalarMask
            switch value {
            case quote, 0x5C: out += [0x5C | unit & TemplateText.trustBit, unit]
            case 0x0A: TemplateText.append("\\n", like: unit, &out)
            case 0x0D: TemplateText.append("\\r", like: unit, &out)
            case 0x09: TemplateText.append("\\t", like: unit, &out)
            default:
                if isPrintable(TemplateText.scalar(unit)) {
                    out.append(unit)
                } else {
                    TemplateText.append(escape(value), like: unit, &out)
                }
            }
        }
        out.append(quote)
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x7F { return scalar.value >= 0x20 }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned: return false
        case .lineSeparator, .paragraphSeparator, .spaceSeparator: return false
        default: return true
        }
    }

    private static func escape(_ value: UInt32) -> String {
        if value < 0x100 { return "\\x" + hexadecimal(value, 2) }
        return value < 0x10000 ? "\\u" + hexadecimal(value, 4) : "\\U" + hexadecimal(value, 8)
    }

    static func hexadecimal(_ value: UInt32, _ count: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, count - digits.count)) + digits
    }
}
