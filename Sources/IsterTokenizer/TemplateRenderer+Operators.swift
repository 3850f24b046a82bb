internal import Glibc

/// Arithmetic and comparison as Python's, with integers of 64 bits.
extension TemplateRenderer {
    func signed(_ value: TemplateItem, isNegative: Bool) throws(ChatTemplateError) -> TemplateItem {
        if case .float(let number) = value { return .float(isNegative ? -number : number) }
        guard let number = value.integer else { throw Self.unsupported(isNegative ? "-" : "+", value) }
        if !isNegative { return .integer(number) }
        return try Self.checked("-", (0).subtractingReportingOverflow(number))
    }

    static func unsupported(_ operation: String, _ values: TemplateItem...) -> ChatTemplateError {
        for case .undefined(let problem) in values { return .undefined(problem: problem) }
        let types = values.map(\.typeName).joined(separator: " and ")
        return .invalidOperation(problem: "\(operation) is not defined for \(types)")
    }

    private static func checked(
        _ operation: String, _ result: (partialValue: Int, overflow: Bool)
    ) throws(ChatTemplateError) -> TemplateItem {
        if result.overflow { throw .invalidOperation(problem: "\(operation) gives an integer of over 64 bits") }
        return .integer(result.partialValue)
    }

    func calculate(
        _ operation: TemplateSymbol, _ left: TemplateItem, _ right: TemplateItem
    ) throws(ChatTemplateError) -> TemplateItem {
        switch (left, right) {
        case (.text(let first), .text(let second)) where operation == .add: return try join(first, second)
        case (.list(let first), .list(let second)) where operation == .add && first.kind == second.kind:
            guard first.kind == .list || first.kind == .tuple else { break }
            return try makeList(first.items + second.items, first.kind)
        case (.text(let text), _) where operation == .modulo: return try formatted(text, percent: right)
        case (.text, _), (.list, _):
            if operation == .multiply, let count = right.integer { return try repeated(left, count) }
        case (_, .text), (_, .list):
            if operation == .multiply, let count = left.integer { return try repeated(right, count) }
        default: break
        }
        if let first = left.integer, let second = right.integer { return try calculate(operation, first, second) }
        if let first = left.number, let second = right.number { return try calculate(operation, first, second) }
        throw Self.unsupported(operation.rawValue, left, right)
    }

    private func join(_ first: TemplateText, _ second: TemplateText) throws(ChatTemplateError) -> TemplateItem {
        try checkLength(first.count + second.count)
        if !first.isMarkup, !second.isMarkup { return try made(TemplateText(first.units + second.units)) }
        return try made(TemplateText(first.escaped.units + second.escaped.units, isMarkup: true))
    }

    private func repeated(_ value: TemplateItem, _ count: Int) throws(ChatTemplateError) -> TemplateItem {
        let count = max(0, count)
        if case .text(let text) = value {
            let (length, overflow) = text.count.multipliedReportingOverflow(by: count)
            try checkLength(overflow ? Int.max : length)
            try spend(units: length)
            return .text(TemplateText(repeatElement(text.units, count: length == 0 ? 0 : count).joined()))
        }
        guard case .list(let list) = value, list.kind == .list || list.kind == .tuple else {
            throw Self.unsupported("*", value)
        }
        let (length, overflow) = list.items.count.multipliedReportingOverflow(by: count)
        try spend(items: overflow ? Int.max : length)
        let items = Array(repeatElement(list.items, count: length == 0 ? 0 : count).joined())
        return .list(TemplateList(items, list.kind, depth: list.depth))
    }

    private func calculate(
        _ operation: TemplateSymbol, _ left: Int, _ right: Int
    ) throws(ChatTemplateError) -> TemplateItem {
        let name = operation.rawValue
        switch operation {
        case .add: return try Self.checked(name, left.addingReportingOverflow(right))
        case .subtract: return try Self.checked(name, left.subtractingReportingOverflow(right))
        case .multiply: return try Self.checked(name, left.multipliedReportingOverflow(by: right))
        case .power: return try power(left, right)
        case .divide:
            if right == 0 { throw Self.divisionByZero }
            return .float(Double(left) / Double(right))
        default:
            if right == 0 { throw Self.divisionByZero }
            let (quotient, overflow) = left.dividedReportingOverflow(by: right)
            // Only the least integer by -1: its remainder is 0.
            if overflow { return operation == .modulo ? .integer(0) : try Self.checked(name, (0, true)) }
            let remainder = left % right
            let roundsDown = remainder != 0 && (remainder < 0) != (right < 0)
            if operation == .modulo { return .integer(roundsDown ? remainder + right : remainder) }
            return .integer(roundsDown ? quotient - 1 : quotient)
        }
    }

    private static var divisionByZero: ChatTemplateError { .invalidOperation(problem: "division by zero") }

    private func power(_ base: Int, _ exponent: Int) throws(ChatTemplateError) -> TemplateItem {
        if exponent < 0 {
            if base == 0 { throw Self.divisionByZero }
            return .float(pow(Double(base), Double(exponent)))
        }
        if exponent == 0 || base == 1 { return .integer(1) }
        if base == 0 { return .integer(0) }
        if base == -1 { return .integer(exponent % 2 == 0 ? 1 : -1) }
        var value = 1
        // An overflow ends this after at most 63 rounds.
        for _ in 0..<exponent {
            let (product, overflow) = value.multipliedReportingOverflow(by: base)
            if overflow { return try Self.checked("**", (0, true)) }
            value = product
        }
        return .integer(value)
    }

    private func calculate(
        _ operation: TemplateSymbol, _ left: Double, _ right: Double
    ) throws(ChatTemplateError) -> TemplateItem {
        switch operation {
        case .add: return .float(left + right)
        case .subtract: return .float(left - right)
        case .multiply: return .float(left * right)
        case .power:
            if left == 0, right < 0 { throw Self.divisionByZero }
            return .float(pow(left, right))
        default:
            if right == 0 { throw Self.divisionByZero }
            if operation == .divide { return .float(left / right) }
            var remainder = fmod(left, right)
            if remainder != 0, (remainder < 0) != (right < 0) { remainder += right }
            if operation == .modulo { return .float(remainder) }
            return .float(((left - remainder) / right).rounded())
        }
    }

    // MARK: Comparison

    func holds(
        _ relation: TemplateRelation, _ left: TemplateItem, _ right: TemplateItem
    ) throws(ChatTemplateError) -> Bool {
        switch relation {
        case .equal: return try isEqual(left, right)
        case .notEqual: return try !isEqual(left, right)
        case .isIn: return try contains(right, left)
        case .isNotIn: return try !contains(right, left)
        case .less: return try isBefore(left, right)
        case .greater: return try isBefore(right, left)
        case .lessOrEqual:
            if try isBefore(left, right) { return true }
            return try isEqual(left, right)
        case .greaterOrEqual:
            if try isBefore(right, left) { return true }
            return try isEqual(left, right)
        }
    }

    func isEqual(_ left: TemplateItem, _ right: TemplateItem) throws(ChatTemplateError) -> Bool {
        try spend()
        switch (left, right) {
        case (.undefined, .undefined), (.null, .null): return true
        case (.text(let first), .text(let second)):
            try spend(units: min(first.count, second.count))
            return first.isEqual(second)
        case (.list(let first), .list(let second)): return try isEqual(first, second)
        case (.dictionary(let first), .dictionary(let second)):
            if first.count != second.count { return false }
            for (index, key) in first.keys.enumerated() {
                guard let other = second[try self.key(key)] else { return false }
                if try !isEqual(first.values[index], other) { return false }
            }
            return true
        case (.namespace(let first), .namespace(let second)): return first === second
        case (.callable(let first), .callable(let second)): return first === second
        case (.loop(let first), .loop(let second)): return first === second
        default:
            if let first = left.integer, let second = right.integer { return first == second }
            if let first = left.number, let second = right.number { return first == second }
            return false
        }
    }

    private func isEqual(_ first: TemplateList, _ second: TemplateList) throws(ChatTemplateError) -> Bool {
        if first.kind != second.kind || first.items.count != second.items.count { return false }
        for index in first.items.indices where try !isEqual(first.items[index], second.items[index]) { return false }
        return true
    }

    /// Python's `<`.
    func isBefore(_ left: TemplateItem, _ right: TemplateItem) throws(ChatTemplateError) -> Bool {
        try spend()
        switch (left, right) {
        case (.text(let first), .text(let second)):
            try spend(units: min(first.count, second.count))
            return first.isBefore(second)
        case (.list(let first), .list(let second))
        where first.kind == second.kind && (first.kind == .list || first.kind == .tuple):
            for index in 0..<min(first.items.count, second.items.count) {
                if try isEqual(first.items[index], second.items[index]) { continue }
                return try isBefore(first.items[index], second.items[index])
            }
            return first.items.count < second.items.count
        default:
            if let first = left.integer, let second = right.integer { return first < second }
            if let first = left.number, let second = right.number { return first < second }
            throw Self.unsupported("an order", left, right)
        }
    }

    /// Python's `value in container`.
    func contains(_ container: TemplateItem, _ value: TemplateItem) throws(ChatTemplateError) -> Bool {
        switch container {
        case .text(let text):
            guard case .text(let part) = value else { throw Self.unsupported("in", value, container) }
            try spend(units: text.count)
            return text.firstIndex(of: part) != nil
        case .dictionary(let dictionary): return dictionary[try key(value)] != nil
        case .undefined, .list:
            for item in try items(container) where try isEqual(item, value) { return true }
            return false
        default: throw Self.unsupported("in", value, container)
        }
    }
}
