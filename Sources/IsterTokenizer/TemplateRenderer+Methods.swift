/// Methods of strings, lists and dictionaries.
extension TemplateRenderer {
    private static let textMethods: Set<String> = [
        "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith", "upper", "lower",
        "title", "capitalize", "swapcase", "casefold", "replace", "find", "rfind", "index", "count", "join", "format",
        "removeprefix", "removesuffix", "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower", "zfill",
        "ljust", "rjust", "center", "partition", "rpartition", "isnumeric", "isdecimal",
    ]
    private static let dictionaryMethods: Set<String> = ["items", "keys", "values", "get", "copy"]
    private static let listMethods: Set<String> = ["index", "count", "copy"]
    /// Methods that jinja2's immutable sandbox keeps from templates.
    static let mutators: Set<String> = ["pop", "update", "clear", "setdefault", "popitem"]

    static func isMethod(_ name: String, of value: TemplateItem) -> Bool {
        switch value {
        case .text: textMethods.contains(name)
        case .dictionary: dictionaryMethods.contains(name)
        case .list(let list):
            listMethods.contains(name) && (list.kind == .list || list.kind == .tuple && name != "copy")
        default: false
        }
    }

    func callMethod(
        _ value: TemplateItem, _ name: String, _ call: TemplateCall
    ) throws(ChatTemplateError) -> TemplateItem {
        switch value {
        case .text(let text):
            try spend(units: text.count)
            return try callMethod(text, name, call)
        case .dictionary(let dictionary): return try callMethod(dictionary, name, call)
        case .list(let list): return try callMethod(list, name, call)
        default: throw .undefined(problem: "a \(value.typeName) has no '\(name)'")
        }
    }

    static func wrongArguments(_ name: String) -> ChatTemplateError {
        .invalidOperation(problem: "\(name) cannot be called with these arguments")
    }

    private func callMethod(
        _ dictionary: TemplateDictionary, _ name: String, _ call: TemplateCall
    ) throws(ChatTemplateError) -> TemplateItem {
        switch name {
        case "get":
            guard (1...2).contains(call.values.count), call.named.isEmpty else { throw Self.wrongArguments(name) }
            return dictionary[try key(call.values[0])] ?? (call.values.count > 1 ? call.values[1] : .null)
        case "keys": return try makeList(dictionary.keys, .keys)
        case "values": return try makeList(dictionary.values, .values)
        case "items": return try makeItems(dictionary, .items)
        default: return .dictionary(dictionary)
        }
    }

    func makeItems(
        _ dictionary: TemplateDictionary, _ kind: TemplateList.Kind
    ) throws(ChatTemplateError) -> TemplateItem {
        var pairs: [TemplateItem] = []
        for (key, value) in zip(dictionary.keys, dictionary.values) {
            pairs.append(try makeList([key, value], .tuple))
        }
        return try makeList(pairs, kind)
    }

    private func callMethod(
        _ list: TemplateList, _ name: String, _ call: TemplateCall
    ) throws(ChatTemplateError) -> TemplateItem {
        if name == "copy" { return .list(list) }
        guard let wanted = call.values.first else { throw Self.wrongArguments(name) }
        var count = 0
        for (index, item) in list.items.enumerated() where try isEqual(item, wanted) {
            if name == "index" { return .integer(index) }
            count += 1
        }
        if name == "count" { return .integer(count) }
        throw .invalidOperation(problem: "the value is not in the list")
    }

    // MARK: Strings

    private func callMethod(
        _ text: TemplateText, _ name: String, _ call: TemplateCall
    ) throws(ChatTemplateError) -> TemplateItem {
        switch name {
        case "strip", "lstrip", "rstrip":
            let set = try optionalText(call.argument(0, "chars"), name)
            return .text(text.stripped(set, start: name != "rstrip", end: name != "lstrip"))
        case "upper": return .text(text.uppercased)
        case "lower", "casefold": return .text(text.lowercased)
        case "title": return .text(text.titled)
        case "capitalize": return .text(text.capitalized)
        case "swapcase":
            return .text(
                text.mapped {
                    $0.properties.isUppercase ? $0.properties.lowercaseMapping : $0.properties.uppercaseMapping
                })
        case "split", "rsplit": return try split(text, call, fromEnd: name == "rsplit")
        case "splitlines":
            return try makeList(
                text.lines(keepingEnds: call.argument(0, "keepends")?.isTrue ?? false).map { .text($0) })
        case "startswith", "endswith": return .bool(try matches(text, call, name))
        case "replace": return try replaced(text, call)
        case "find", "rfind", "index", "count": return try search(text, call, name)
        case "join":
            guard call.values.count == 1 else { throw Self.wrongArguments(name) }
            return try joined(try items(call.values[0]), separator: text, needsText: true)
        case "format": return try formatted(text, call)
        case "removeprefix", "removesuffix":
            let part = try requiredText(call, 0, name)
            let place = name == "removeprefix" ? 0 : text.count - part.count
            if !text.hasPart(part, at: place) { return .text(text) }
            return .text(text.part(place == 0 && name == "removeprefix" ? part.count..<text.count : 0..<place))
        case "partition", "rpartition": return try partition(text, call, name)
        case "zfill", "ljust", "rjust", "center": return try padded(text, call, name)
        default: return .bool(Self.isAll(text, name))
        }
    }

    func requiredText(_ call: TemplateCall, _ index: Int, _ name: String) throws(ChatTemplateError) -> TemplateText {
        guard index < call.values.count, case .text(let text) = call.values[index] else {
            throw Self.wrongArguments(name)
        }
        return text
    }

    func optionalText(_ value: TemplateItem?, _ name: String) throws(ChatTemplateError) -> TemplateText? {
        switch value {
        case nil, .null: return nil
        case .text(let text)?: return text
        default: throw Self.wrongArguments(name)
        }
    }

    private func matches(_ text: TemplateText, _ call: TemplateCall, _ name: String) throws(ChatTemplateError) -> Bool {
        var parts = call.values.prefix(1)
        if case .list(let list)? = call.values.first, list.kind == .tuple { parts = list.items[...] }
        if call.values.count != 1 { throw Self.wrongArguments(name) }
        for part in parts {
            guard case .text(let wanted) = part else { throw Self.wrongArguments(name) }
            try spend(units: wanted.count)
            if text.hasPart(wanted, at: name == "startswith" ? 0 : text.count - wanted.count) { return true }
        }
        return false
    }

    private func search(
        _ text: TemplateText, _ call: TemplateCall, _ name: String
    ) throws(ChatTemplateError) -> TemplateItem {
        let part = try requiredText(call, 0, name)
        let bounds = TemplateSlice(
            first: call.values.count > 1 ? call.values[1].integer : nil,
            end: call.values.count > 2 ? call.values[2].integer : nil, step: 1)
        let range = bounds.range(count: text.count)
        let inside = text.part(range)
        if name == "count" {
            return .integer(inside.pieces(separatedBy: part)?.count.advanced(by: -1) ?? inside.count + 1)
        }
        let found = name == "rfind" ? inside.lastIndex(of: part) : inside.firstIndex(of: part)
        if found == nil, name == "index" { throw .invalidOperation(problem: "the text has no such part") }
        return .integer(found.map { $0 + range.lowerBound } ?? -1)
    }

    private static func isAll(_ text: TemplateText, _ name: String) -> Bool {
        if text.count == 0 { return false }
        let scalars = text.units.map { TemplateText.scalar($0).properties }
        switch name {
        case "isspace": return text.units.allSatisfy { TemplateText.isSpace($0) }
        case "isdigit", "isdecimal", "isnumeric": return scalars.allSatisfy { $0.numericType == .decimal }
        case "isalpha": return scalars.allSatisfy { isLetter($0) }
        case "isalnum": return scalars.allSatisfy { isLetter($0) || $0.numericType != nil }
        case "isupper": return scalars.contains { $0.isUppercase } && !scalars.contains { $0.isLowercase }
        default: return scalars.contains { $0.isLowercase } && !scalars.contains { $0.isUppercase }
        }
    }

    private static func isLetter(_ properties: Unicode.Scalar.Properties) -> Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }
}
