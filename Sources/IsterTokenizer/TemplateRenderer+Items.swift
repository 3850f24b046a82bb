/// Parts of values.
extension TemplateRenderer {
    /// What a loop over the value sees.
    func items(_ value: TemplateItem) throws(ChatTemplateError) -> [TemplateItem] {
        switch value {
        case .undefined: return []
        case .list(let list):
            try spend(items: list.items.count)
            return list.items
        case .dictionary(let dictionary):
            try spend(items: dictionary.count)
            return dictionary.keys
        case .text(let text):
            try spend(items: text.count)
            return text.units.map { .text(TemplateText([$0])) }
        default: throw .invalidOperation(problem: "a \(value.typeName) has no items")
        }
    }

    func length(_ value: TemplateItem) throws(ChatTemplateError) -> Int {
        switch value {
        case .undefined: return 0
        case .list(let list) where list.kind != .generator: return list.items.count
        case .dictionary(let dictionary): return dictionary.count
        case .text(let text): return text.count
        case .loop(let loop): return try length(loop)
        default: throw .invalidOperation(problem: "a \(value.typeName) has no length")
        }
    }

    /// `value.name`: a method first, then the entry of that name.
    func attribute(_ value: TemplateItem, _ name: String) throws(ChatTemplateError) -> TemplateItem {
        switch value {
        case .undefined(let problem): throw .undefined(problem: "\(problem), so it has no '\(name)'")
        case .namespace(let namespace): if let found = namespace.values[name] { return found }
        case .loop(let loop): return try attribute(loop, name)
        case .dictionary(let dictionary):
            if Self.isMethod(name, of: value) { return .callable(TemplateCallable(.method(value, name))) }
            if Self.mutators.contains(name) {
                return .undefined("\(name) would change a dict, which a template must not")
            }
            if let found = dictionary[name] { return found }
        case .list(let list) where list.kind == .group && (name == "grouper" || name == "list"):
            return list.items[name == "list" ? 1 : 0]
        case .text, .list:
            if Self.isMethod(name, of: value) { return .callable(TemplateCallable(.method(value, name))) }
        case .callable(let callable):
            if case .macro(let macro, _) = callable.kind, name == "name" { return .trusted(macro.name) }
        default: break
        }
        return .undefined("a \(value.typeName) has no '\(name)'")
    }

    /// `value[key]`: the entry first, then the attribute.
    func item(_ value: TemplateItem, _ key: TemplateItem) throws(ChatTemplateError) -> TemplateItem {
        switch value {
        case .undefined(let problem): throw .undefined(problem: "\(problem), so it has no items")
        case .dictionary(let dictionary):
            if Self.isHashable(key), let found = dictionary[try self.key(key)] { return found }
        case .list(let list) where list.kind != .generator && !list.isView:
            if let index = key.integer { return Self.element(list.items, index) ?? Self.missing(value, index) }
        case .text(let text):
            if let index = key.integer {
                guard let unit = Self.element(text.units, index) else { return Self.missing(value, index) }
                return .text(TemplateText([unit], isMarkup: text.isMarkup))
            }
        default: break
        }
        if case .text(let name) = key { return try attribute(value, name.string) }
        return .undefined("a \(value.typeName) has no such item")
    }

    private static func isHashable(_ key: TemplateItem) -> Bool {
        switch key {
        case .null, .bool, .integer, .float, .text: true
        default: false
        }
    }

    private static func missing(_ value: TemplateItem, _ index: Int) -> TemplateItem {
        .undefined("a \(value.typeName) has no item \(index)")
    }

    private static func element<Element>(_ elements: [Element], _ index: Int) -> Element? {
        let place = index < 0 ? index + elements.count : index
        return elements.indices.contains(place) ? elements[place] : nil
    }

    func slice(_ value: TemplateItem, _ bounds: TemplateSlice) throws(ChatTemplateError) -> TemplateItem {
        switch value {
        case .text(let text):
            guard let places = bounds.places(count: text.count) else { break }
            return try made(TemplateText(places.map { text.units[$0] }, isMarkup: text.isMarkup))
        case .list(let list) where list.kind != .generator && !list.isView:
            guard let places = bounds.places(count: list.items.count) else { break }
            return try makeList(places.map { list.items[$0] }, list.kind == .tuple ? .tuple : .list)
        default: throw .invalidOperation(problem: "a \(value.typeName) cannot be sliced")
        }
        throw .invalidOperation(problem: "the step of a slice is zero")
    }

    private func attribute(_ loop: TemplateLoop, _ name: String) throws(ChatTemplateError) -> TemplateItem {
        switch name {
        case "index": return .integer(loop.index + 1)
        case "index0": return .integer(loop.index)
        case "first": return .bool(loop.index == 0)
        case "last": return .bool(try !look(loop, ahead: 1))
        case "length": return .integer(try length(loop))
        case "revindex": return .integer(try length(loop) - loop.index)
        case "revindex0": return .integer(try length(loop) - loop.index - 1)
        // Only recursive loops get deeper.
        case "depth": return .integer(1)
        case "depth0": return .integer(0)
        case "previtem":
            return loop.index > 0 ? loop.items[loop.index - 1] : .undefined("there is no previous item")
        case "nextitem":
            return try look(loop, ahead: 1) ? loop.items[loop.index + 1] : .undefined("there is no next item")
        case "cycle", "changed": return .callable(TemplateCallable(.loopMethod(loop, name)))
        default: return .undefined("loop has no '\(name)'")
        }
    }
}

/// Python's `[first:end:step]`.
struct TemplateSlice {
    var first: Int?
    var end: Int?
    var step: Int

    /// Places that it takes of so many; nil when the step is zero.
    func places(count: Int) -> [Int]? {
        if step == 0 { return nil }
        let low = step > 0 ? 0 : -1
        let high = step > 0 ? count : count - 1
        func place(_ bound: Int?, _ standard: Int) -> Int {
            guard let bound else { return standard }
            return min(max(bound < 0 ? bound + count : bound, low), high)
        }
        let start = place(first, step > 0 ? low : high)
        let stop = place(end, step > 0 ? high : low)
        let stride = min(max(step, -count - 1), count + 1)
        return Array(Swift.stride(from: start, to: stop, by: stride))
    }
}
