/// Values of expressions. Each case is taken apart in a function of its own: one that binds them all would need a
/// deep stack, since unoptimized code keeps a place for each.
extension TemplateRenderer {
    func evaluate(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateItem {
        try spend()
        try enter()
        defer { leave() }
        switch expression {
        case .literal, .name: return leaf(expression)
        case .list, .tuple: return try evaluateList(expression)
        case .dictionary: return try evaluateDictionary(expression)
        case .chain: return try evaluateChain(expression)
        case .arithmetic: return try evaluateArithmetic(expression)
        case .comparison: return try evaluateComparison(expression)
        case .concatenation: return try evaluateConcatenation(expression)
        case .allOf, .anyOf: return try evaluateChoice(expression)
        case .not, .sign: return try evaluateUnary(expression)
        case .conditional: return try evaluateConditional(expression)
        }
    }

    private func leaf(_ expression: TemplateExpression) -> TemplateItem {
        switch expression {
        case .literal(let literal): TemplateItem(literal)
        case .name(let name): lookup(name)
        default: .null
        }
    }

    private func evaluateList(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateItem {
        switch expression {
        case .list(let parts): return try makeList(try evaluate(parts))
        case .tuple(let parts): return try makeList(try evaluate(parts), .tuple)
        default: return .null
        }
    }

    private func evaluateChain(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateItem {
        guard case .chain(let base, let steps) = expression else { return .null }
        return try apply(steps, to: try evaluate(base))
    }

    private func evaluateUnary(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateItem {
        switch expression {
        case .not(let part): return .bool(try !evaluate(part).isTrue)
        case .sign(let isNegative, let part): return try signed(try evaluate(part), isNegative: isNegative)
        default: return .null
        }
    }

    private func evaluate(_ parts: [TemplateExpression]) throws(ChatTemplateError) -> [TemplateItem] {
        var items: [TemplateItem] = []
        items.reserveCapacity(parts.count)
        for part in parts { items.append(try evaluate(part)) }
        return items
    }

    private func evaluateDictionary(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateItem {
        guard case .dictionary(let pairs) = expression else { return .null }
        var keys: [TemplateItem] = []
        var values: [TemplateItem] = []
        for pair in pairs {
            keys.append(try evaluate(pair.key))
            values.append(try evaluate(pair.value))
        }
        return try makeDictionary(keys, values)
    }

    private func evaluateArithmetic(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateItem {
        guard case .arithmetic(let first, let operands) = expression else { return .null }
        var value = try evaluate(first)
        for (operation, operand) in operands {
            value = try calculate(operation, value, try evaluate(operand))
        }
        return value
    }

    private func evaluateComparison(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateItem {
        guard case .comparison(let first, let operands) = expression else { return .null }
        var left = try evaluate(first)
        for (relation, operand) in operands {
            let right = try evaluate(operand)
            if try !holds(relation, left, right) { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    private func evaluateConcatenation(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateItem {
        guard case .concatenation(let parts) = expression else { return .null }
        var units: [UInt32] = []
        for part in parts {
            units += try text(try evaluate(part)).units
            try checkLength(units.count)
        }
        return try made(TemplateText(units))
    }

    /// The first operand that decides, or the last one.
    private func evaluateChoice(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateItem {
        var value = TemplateItem.null
        var parts: [TemplateExpression] = []
        var stop = false
        if case .allOf(let all) = expression { parts = all }
        if case .anyOf(let any) = expression {
            parts = any
            stop = true
        }
        for part in parts {
            value = try evaluate(part)
            if value.isTrue == stop { return value }
        }
        return value
    }

    private func evaluateConditional(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateItem {
        guard case .conditional(let choices, let otherwise) = expression else { return .null }
        for choice in choices where try evaluate(choice.test).isTrue { return try evaluate(choice.value) }
        guard let otherwise else { return .undefined("the condition is false and has no else") }
        return try evaluate(otherwise)
    }

    // MARK: What follows a value

    func apply(_ steps: [TemplatePostfix], to base: TemplateItem) throws(ChatTemplateError) -> TemplateItem {
        var value = base
        for index in steps.indices { value = try apply(steps[index], to: value) }
        return value
    }

    private func apply(_ step: TemplatePostfix, to value: TemplateItem) throws(ChatTemplateError) -> TemplateItem {
        try spend()
        switch step {
        case .attribute, .item: return try applyPart(step, to: value)
        case .slice: return try applySlice(step, to: value)
        case .call: return try applyCall(step, to: value)
        case .filter: return try applyFilter(step, to: value)
        case .test: return try applyTest(step, to: value)
        }
    }

    private func applyPart(_ step: TemplatePostfix, to value: TemplateItem) throws(ChatTemplateError) -> TemplateItem {
        switch step {
        case .attribute(let name): return try attribute(value, name)
        case .item(let index): return try item(value, try evaluate(index))
        default: return value
        }
    }

    private func applyCall(_ step: TemplatePostfix, to value: TemplateItem) throws(ChatTemplateError) -> TemplateItem {
        guard case .call(let arguments) = step else { return value }
        return try call(value, try evaluate(arguments))
    }

    private func applyFilter(_ step: TemplatePostfix, to value: TemplateItem) throws(ChatTemplateError) -> TemplateItem
    {
        guard case .filter(let name, let arguments) = step else { return value }
        return try filter(name, value, try evaluate(arguments))
    }

    private func applyTest(_ step: TemplatePostfix, to value: TemplateItem) throws(ChatTemplateError) -> TemplateItem {
        guard case .test(let name, let arguments, let isNegated) = step else { return value }
        return .bool(try test(name, value, try evaluate(arguments)) != isNegated)
    }

    private func applySlice(_ step: TemplatePostfix, to value: TemplateItem) throws(ChatTemplateError) -> TemplateItem {
        guard case .slice(let first, let end, let step) = step else { return value }
        let bounds = TemplateSlice(
            first: try sliceBound(first), end: try sliceBound(end), step: try sliceBound(step) ?? 1)
        return try slice(value, bounds)
    }

    private func sliceBound(_ expression: TemplateExpression?) throws(ChatTemplateError) -> Int? {
        guard let expression else { return nil }
        let value = try evaluate(expression)
        if case .null = value { return nil }
        guard let bound = value.integer else {
            throw .invalidOperation(problem: "a \(value.typeName) is no bound of a slice")
        }
        return bound
    }

    func evaluate(_ arguments: TemplateArguments) throws(ChatTemplateError) -> TemplateCall {
        var call = TemplateCall()
        for value in arguments.values { call.values.append(try evaluate(value)) }
        for (name, value) in arguments.named { call.named.append((name, try evaluate(value))) }
        if let list = arguments.unpackedList { call.values += try items(try evaluate(list)) }
        if let dictionary = arguments.unpackedDictionary {
            guard case .dictionary(let entries) = try evaluate(dictionary) else {
                throw .invalidOperation(problem: "only a dictionary can be unpacked with **")
            }
            for (key, value) in zip(entries.keys, entries.values) {
                call.named.append((try text(key).string, value))
            }
        }
        return call
    }
}
