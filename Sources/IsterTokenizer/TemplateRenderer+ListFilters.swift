/// The filters of jinja2 for lists and dictionaries.
extension TemplateRenderer {
    func listFilter(
        _ name: String, _ value: TemplateItem, _ call: TemplateCall
    ) throws(ChatTemplateError) -> TemplateItem? {
        switch name {
        case "length", "count": return .integer(try length(value))
        case "first": return try items(value).first ?? .undefined("there is no first item")
        case "last":
            if case .list(let list) = value, list.kind == .generator { throw Self.unsupported(name, value) }
            return try items(value).last ?? .undefined("there is no last item")
        case "list": return try makeList(try items(value))
        case "join": return try join(value, call)
        case "reverse":
            if case .text(let text) = value { return try made(text.reversed) }
            return try makeList(try items(value).reversed(), .generator)
        case "items":
            if value.isUndefined { return try makeList([], .generator) }
            guard case .dictionary(let dictionary) = value else { throw Self.unsupported(name, value) }
            return try makeItems(dictionary, .generator)
        case "map": return try mapped(value, call)
        case "select", "reject", "selectattr", "rejectattr": return try selected(value, call, name)
        case "sum": return try sum(value, call)
        case "batch": return try batches(value, call)
        default: return try orderFilter(name, value, call)
        }
    }

    private func join(_ value: TemplateItem, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        var parts = try items(value)
        if let attribute = call.argument(1, "attribute") {
            for index in parts.indices { parts[index] = try self.part(parts[index], attribute) }
        }
        return try joined(parts, separator: try text(call.argument(0, "d") ?? .text(TemplateText([]))))
    }

    /// Value at a dotted path, as `attribute=` has it.
    private func part(
        _ value: TemplateItem, _ path: TemplateItem, standard: TemplateItem? = nil
    ) throws(ChatTemplateError) -> TemplateItem {
        var value = value
        if case .text(let text) = path {
            for name in text.pieces(separatedBy: TemplateText(".", isTrusted: true)) ?? [] {
                try spend()
                value = try item(value, Int(name.string).map { .integer($0) } ?? .text(name))
                if value.isUndefined, let standard { value = standard }
            }
            return value
        }
        value = try item(value, path)
        if value.isUndefined, let standard { return standard }
        return value
    }

    private func mapped(_ value: TemplateItem, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        if !value.isTrue { return try makeList([], .generator) }
        var results: [TemplateItem] = []
        if call.values.isEmpty {
            guard let attribute = call.named("attribute") else { throw Self.wrongArguments("map") }
            var standard = call.named("default")
            if case .null? = standard { standard = nil }
            for item in try items(value) { results.append(try part(item, attribute, standard: standard)) }
            return try makeList(results, .generator)
        }
        let name = try requiredText(call, 0, "map").string
        let rest = TemplateCall(values: Array(call.values.dropFirst()), named: call.named)
        for item in try items(value) { results.append(try filter(name, item, rest)) }
        return try makeList(results, .generator)
    }

    private func selected(
        _ value: TemplateItem, _ call: TemplateCall, _ name: String
    ) throws(ChatTemplateError) -> TemplateItem {
        if !value.isTrue { return try makeList([], .generator) }
        let hasAttribute = name.hasSuffix("attr")
        guard let path = hasAttribute ? call.values.first : .null else { throw Self.wrongArguments(name) }
        let offset = hasAttribute ? 1 : 0
        let testName = call.values.count > offset ? try requiredText(call, offset, name).string : nil
        let rest = TemplateCall(values: Array(call.values.dropFirst(offset + 1)), named: call.named)
        let keeps = name.hasPrefix("select")
        var results: [TemplateItem] = []
        for item in try items(value) {
            try spend()
            let tested = hasAttribute ? try part(item, path) : item
            let passes = try testName.map { name throws(ChatTemplateError) in try test(name, tested, rest) }
            if passes ?? tested.isTrue == keeps { results.append(item) }
        }
        return try makeList(results, .generator)
    }

    private func sum(_ value: TemplateItem, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        var sum = call.argument(1, "start") ?? .integer(0)
        for item in try items(value) {
            let attribute = call.argument(0, "attribute")
            sum = try calculate(
                .add, sum, try attribute.map { path throws(ChatTemplateError) in try part(item, path) } ?? item)
        }
        return sum
    }

    private func batches(_ value: TemplateItem, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        guard let size = call.argument(0, "linecount")?.integer, size > 0 else { throw Self.wrongArguments("batch") }
        let all = try items(value)
        var batches: [TemplateItem] = []
        for start in stride(from: 0, to: all.count, by: size) {
            var batch = Array(all[start..<min(all.count - start, size) + start])
            if let filler = call.argument(1, "fill_with"), batch.count < size {
                try spend(items: size)
                batch += [TemplateItem](repeating: filler, count: size - batch.count)
            }
            batches.append(try makeList(batch))
        }
        return try makeList(batches, .generator)
    }

    // MARK: Order

    private func orderFilter(
        _ name: String, _ value: TemplateItem, _ call: TemplateCall
    ) throws(ChatTemplateError) -> TemplateItem? {
        switch name {
        case "sort":
            let all = try items(value)
            let keys = try sortKeys(all, call.argument(2, "attribute"), isExact: call.argument(1, "case_sensitive"))
            let order = try sorted(keys, isReversed: call.argument(0, "reverse")?.isTrue ?? false)
            return try makeList(order.map { all[$0] })
        case "dictsort": return try sortedEntries(value, call)
        case "unique":
            let all = try items(value)
            let keys = try sortKeys(all, call.argument(1, "attribute"), isExact: call.argument(0, "case_sensitive"))
            var seen: Set<TemplateKey> = []
            var results: [TemplateItem] = []
            for index in all.indices where seen.insert(try key(keys[index])).inserted { results.append(all[index]) }
            return try makeList(results, .generator)
        case "min", "max":
            let all = try items(value)
            let keys = try sortKeys(all, call.argument(1, "attribute"), isExact: call.argument(0, "case_sensitive"))
            var best = 0
            for index in keys.indices.dropFirst() {
                let isBetter =
                    name == "min"
                    ? try isBefore(keys[index], keys[best]) : try isBefore(keys[best], keys[index])
                if isBetter { best = index }
            }
            return all.isEmpty ? .undefined("there is no item") : all[best]
        case "groupby": return try groups(value, call)
        default: return nil
        }
    }

    /// What items are compared by; text in lower case unless `isExact`.
    private func sortKeys(
        _ items: [TemplateItem], _ attribute: TemplateItem?, isExact: TemplateItem?
    ) throws(ChatTemplateError) -> [TemplateItem] {
        var keys = items
        var path = attribute
        if case .null? = path { path = nil }
        for index in keys.indices {
            try spend()
            if let path { keys[index] = try sortKey(keys[index], path) }
            if case .text(let text) = keys[index], isExact?.isTrue != true { keys[index] = try made(text.lowercased) }
        }
        return keys
    }

    /// Several paths with commas give a list.
    private func sortKey(_ item: TemplateItem, _ path: TemplateItem) throws(ChatTemplateError) -> TemplateItem {
        guard case .text(let text) = path, let paths = text.pieces(separatedBy: TemplateText(",", isTrusted: true)),
            paths.count > 1
        else { return try part(item, path) }
        var parts: [TemplateItem] = []
        for path in paths { parts.append(try part(item, .text(path))) }
        return try makeList(parts)
    }

    /// Places of the keys in ascending order, equal ones as they were: a merge sort that can throw.
    func sorted(_ keys: [TemplateItem], isReversed: Bool = false) throws(ChatTemplateError) -> [Int] {
        var order = Array(keys.indices)
        var width = 1
        while width < order.count {
            var merged: [Int] = []
            merged.reserveCapacity(order.count)
            var start = 0
            while start < order.count {
                let middle = min(start + width, order.count)
                let end = min(middle + width, order.count)
                var left = start
                var right = middle
                while left < middle || right < end {
                    var takesRight = left == middle
                    if left < middle, right < end {
                        let (first, second) = (keys[order[left]], keys[order[right]])
                        takesRight = try isReversed ? isBefore(first, second) : isBefore(second, first)
                    }
                    merged.append(order[takesRight ? right : left])
                    if takesRight { right += 1 } else { left += 1 }
                }
                start = end
            }
            order = merged
            width *= 2
        }
        return order
    }

    private func sortedEntries(_ value: TemplateItem, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        guard case .dictionary(let dictionary) = value else { throw Self.unsupported("dictsort", value) }
        var byValue = false
        if case .text(let text)? = call.argument(1, "by") { byValue = text.isEqual("value") }
        let keys = try sortKeys(
            byValue ? dictionary.values : dictionary.keys, nil, isExact: call.argument(0, "case_sensitive"))
        var pairs: [TemplateItem] = []
        for index in try sorted(keys, isReversed: call.argument(2, "reverse")?.isTrue ?? false) {
            pairs.append(try makeList([dictionary.keys[index], dictionary.values[index]], .tuple))
        }
        return try makeList(pairs)
    }

    private func groups(_ value: TemplateItem, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        guard let attribute = call.argument(0, "attribute") else { throw Self.wrongArguments("groupby") }
        let all = try items(value)
        var names: [TemplateItem] = []
        for item in all { names.append(try part(item, attribute, standard: call.argument(1, "default"))) }
        let keys = try sortKeys(names, nil, isExact: call.argument(2, "case_sensitive"))
        var groups: [TemplateItem] = []
        let order = try sorted(keys)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, try isEqual(keys[order[end]], keys[order[start]]) { end += 1 }
            let members = try makeList(order[start..<end].map { all[$0] })
            groups.append(try makeList([names[order[start]], members], .group))
            start = end
        }
        return try makeList(groups)
    }
}
