/// Calls of macros and of the functions that every template has.
extension TemplateRenderer {
    static let globals: Set<String> = [
        "range", "dict", "namespace", "raise_exception", "strftime_now", "joiner",
    ]

    func call(_ value: TemplateItem, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        switch value {
        case .undefined(let problem): throw .undefined(problem: "\(problem), so it cannot be called")
        case .callable(let callable): return try self.call(callable, call)
        default: throw .invalidOperation(problem: "a \(value.typeName) cannot be called")
        }
    }

    private func call(_ callable: TemplateCallable, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        switch callable.kind {
        case .global(let name): return try callGlobal(name, call)
        case .method(let value, let name): return try callMethod(value, name, call)
        case .macro(let macro, let closure): return try callMacro(macro, closure, call)
        case .loopMethod(let loop, let name): return try callLoop(loop, name, call)
        case .joiner(let separator, let state):
            if state.values["used"] != nil { return .text(separator) }
            state.set("used", .bool(true))
            return .text(TemplateText([]))
        }
    }

    private func callLoop(
        _ loop: TemplateLoop, _ name: String, _ call: TemplateCall
    ) throws(ChatTemplateError) -> TemplateItem {
        if name == "cycle" {
            if call.values.isEmpty { throw .invalidOperation(problem: "loop.cycle needs values") }
            return call.values[max(0, loop.index) % call.values.count]
        }
        let last = loop.changedValues
        loop.changedValues = call.values
        guard let last, last.count == call.values.count else { return .bool(true) }
        for (first, second) in zip(last, call.values) where try !isEqual(first, second) { return .bool(true) }
        return .bool(false)
    }

    // MARK: Macros

    private func callMacro(
        _ macro: TemplateMacro, _ closure: TemplateScope, _ call: TemplateCall
    ) throws(ChatTemplateError) -> TemplateItem {
        macroDepth += 1
        defer { macroDepth -= 1 }
        if macroDepth > TemplateLimits.macroDepth { throw .limit(.macroDepth, allowed: TemplateLimits.macroDepth) }
        let outer = scope
        scope = TemplateScope(parent: closure)
        defer { scope = outer }
        try bind(macro, call)
        return .text(try captured(macro.body))
    }

    private func bind(_ macro: TemplateMacro, _ call: TemplateCall) throws(ChatTemplateError) {
        var named = call.named
        for (index, parameter) in macro.parameters.enumerated() {
            try spend()
            if index < call.values.count {
                scope.variables[parameter.name] = call.values[index]
            } else if let place = named.firstIndex(where: { $0.name == parameter.name }) {
                scope.variables[parameter.name] = named.remove(at: place).value
            } else if let standard = parameter.standard {
                scope.variables[parameter.name] = try evaluate(standard)
            } else {
                scope.variables[parameter.name] = .undefined("parameter '\(parameter.name)' was not provided")
            }
        }
        if macro.takesCaller {
            let place = named.firstIndex { $0.name == "caller" }
            scope.variables["caller"] = place.map { named.remove(at: $0).value } ?? .undefined("no caller is defined")
        }
        if macro.takesKeywords {
            scope.variables["kwargs"] = try makeDictionary(named.map { .trusted($0.name) }, named.map(\.value))
        } else if let extra = named.first {
            throw .invalidOperation(problem: "macro '\(macro.name)' takes no argument '\(extra.name)'")
        }
        let extras = Array(call.values.dropFirst(macro.parameters.count))
        if macro.takesMore {
            scope.variables["varargs"] = try makeList(extras, .tuple)
        } else if !extras.isEmpty {
            throw .invalidOperation(
                problem:
                    "macro '\(macro.name)' takes at most \(macro.parameters.count) arguments, not \(call.values.count)")
        }
    }

    func runCallBlock(_ statement: TemplateStatement) throws(ChatTemplateError) {
        guard case .callBlock(let body, let callee, let arguments) = statement else { return }
        let value = try evaluate(callee)
        var call = try evaluate(arguments)
        register(scope)
        call.named.append(("caller", .callable(TemplateCallable(.macro(body, scope)))))
        try write(try text(try self.call(value, call)).units)
    }

    // MARK: Global functions

    private func callGlobal(_ name: String, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        switch name {
        case "range": return try makeRange(call)
        case "dict": return try makeDictionary(call)
        case "namespace":
            let namespace = makeNamespace()
            if case .dictionary(let entries) = try makeDictionary(call) {
                for (key, value) in zip(entries.keys, entries.values) { namespace.set(try text(key).string, value) }
            }
            return .namespace(namespace)
        case "raise_exception":
            guard let message = call.argument(0, "message") else { break }
            throw .raised(message: try text(message).string)
        case "strftime_now":
            guard case .text(let format)? = call.argument(0, "format") else { break }
            return try made(try TemplateTime.text(clock, format))
        case "joiner":
            guard case .text(let separator) = call.argument(0, "sep") ?? .trusted(", ") else { break }
            return .callable(TemplateCallable(.joiner(separator, makeNamespace())))
        default: break
        }
        throw .invalidOperation(problem: "\(name) cannot be called with these arguments")
    }

    private func makeRange(_ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        var bounds: [Int] = []
        for value in call.values {
            guard let bound = value.integer else { throw Self.unsupported("range", value) }
            bounds.append(bound)
        }
        guard (1...3).contains(bounds.count), call.named.isEmpty, bounds.count < 3 || bounds[2] != 0 else {
            throw .invalidOperation(problem: "range needs one to three integers, the last of three not 0")
        }
        let first = bounds.count == 1 ? 0 : bounds[0]
        let end = bounds.count == 1 ? bounds[0] : bounds[1]
        let step = bounds.count == 3 ? bounds[2] : 1
        let isEmpty = step > 0 ? first >= end : first <= end
        if isEmpty { return try makeList([], .range) }
        // Both differences are positive and fit 64 bits without sign.
        let distance = step > 0 ? UInt(bitPattern: end &- first) : UInt(bitPattern: first &- end)
        let count = (distance - 1) / step.magnitude + 1
        if count > UInt(TemplateLimits.rangeLength) {
            throw .limit(.rangeLength, allowed: TemplateLimits.rangeLength)
        }
        // No item leaves first..<end, so this does not overflow.
        return try makeList((0..<Int(count)).map { .integer(first &+ $0 &* step) }, .range)
    }

    private func makeDictionary(_ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        var keys: [TemplateItem] = []
        var values: [TemplateItem] = []
        if let base = call.values.first {
            if case .dictionary(let entries) = base {
                keys = entries.keys
                values = entries.values
            } else {
                for pair in try items(base) {
                    let parts = try items(pair)
                    guard parts.count == 2 else { throw Self.unsupported("dict", base) }
                    keys.append(parts[0])
                    values.append(parts[1])
                }
            }
        }
        for (name, value) in call.named {
            keys.append(.trusted(name))
            values.append(value)
        }
        return try makeDictionary(keys, values)
    }
}
