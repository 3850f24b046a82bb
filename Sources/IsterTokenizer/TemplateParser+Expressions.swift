/// Expressions by rank: or, and, not, comparison, + -, ~, * / // %, **, sign, then what follows a value.
extension TemplateParser {
    private enum Rank {
        static let or = 0
        static let and = 1
        static let not = 2
        static let comparison = 3
        static let sum = 4
        static let concatenation = 5
        static let product = 6
        static let power = 7
    }

    /// An expression, or several with commas.
    mutating func parseTuple(
        allowsConditional: Bool = true, end: String? = nil, mayBeEmpty: Bool = false
    ) throws(ChatTemplateError) -> TemplateExpression {
        var items: [TemplateExpression] = []
        var isTuple = false
        while !isTagEnd, !isSymbol(.rightParenthesis), end.map({ isName($0) }) != true {
            items.append(try allowsConditional ? parseExpression() : parseRanked(Rank.or))
            if !skip(.comma) { break }
            isTuple = true
        }
        if !isTuple, items.count == 1 { return items[0] }
        if items.isEmpty, !mayBeEmpty { throw problem("expected an expression") }
        return .tuple(items)
    }

    mutating func parseExpression() throws(ChatTemplateError) -> TemplateExpression {
        try enter()
        defer { leave() }
        var value = try parseRanked(Rank.or)
        var choices: [(value: TemplateExpression, test: TemplateExpression)] = []
        while skipName("if") {
            choices.append((value, try parseRanked(Rank.or)))
            if !skipName("else") {
                // The choice is complete; jinja2 would let another `if` choose it.
                if isName("if") { throw problem("two conditions in a row need an else") }
                return .conditional(choices, otherwise: nil)
            }
            value = try parseRanked(Rank.or)
        }
        return choices.isEmpty ? value : .conditional(choices, otherwise: value)
    }

    /// Operators of `rank` and above.
    private mutating func parseRanked(_ rank: Int) throws(ChatTemplateError) -> TemplateExpression {
        depth += 1
        defer { depth -= 1 }
        try stack.check()
        if depth > TemplateLimits.parserDepth { throw .limit(.nesting, allowed: TemplateLimits.nesting) }
        var isNegated = false
        var nots = 0
        while rank <= Rank.not, skipName("not") {
            isNegated.toggle()
            nots += 1
        }
        var left = nots > 0 ? try parseRanked(Rank.comparison) : try parseSigned()
        if nots > 0 { left = isNegated ? .not(left) : .not(.not(left)) }
        while let next = operatorRank(), next >= rank { left = try parseOperators(left, next) }
        return left
    }

    private func operatorRank() -> Int? {
        switch current {
        case .name("or"): return Rank.or
        case .name("and"): return Rank.and
        case .name("in"): return Rank.comparison
        case .name("not"): return isName("in", ahead: 1) ? Rank.comparison : nil
        case .symbol(let symbol):
            switch symbol {
            case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: return Rank.comparison
            case .add, .subtract: return Rank.sum
            case .tilde: return Rank.concatenation
            case .multiply, .divide, .floorDivide, .modulo: return Rank.product
            case .power: return Rank.power
            default: return nil
            }
        default: return nil
        }
    }

    /// All operators of one rank that follow each other.
    private mutating func parseOperators(
        _ first: TemplateExpression, _ rank: Int
    ) throws(ChatTemplateError) -> TemplateExpression {
        switch rank {
        case Rank.comparison:
            var operands: [(relation: TemplateRelation, operand: TemplateExpression)] = []
            while operatorRank() == rank {
                let relation = takeRelation()
                operands.append((relation, try parseRanked(rank + 1)))
            }
            return .comparison(first, operands)
        case Rank.or, Rank.and, Rank.concatenation:
            var operands = [first]
            while operatorRank() == rank {
                advance()
                operands.append(try parseRanked(rank + 1))
            }
            return rank == Rank.or ? .anyOf(operands) : rank == Rank.and ? .allOf(operands) : .concatenation(operands)
        default:
            var operands: [(operation: TemplateSymbol, operand: TemplateExpression)] = []
            while operatorRank() == rank, case .symbol(let operation) = current {
                advance()
                operands.append((operation, try parseRanked(rank + 1)))
            }
            return .arithmetic(first, operands)
        }
    }

    private mutating func takeRelation() -> TemplateRelation {
        defer { advance() }
        switch current {
        case .name("in"): return .isIn
        case .name:
            advance()
            return .isNotIn
        case .symbol(.notEqual): return .notEqual
        case .symbol(.less): return .less
        case .symbol(.lessOrEqual): return .lessOrEqual
        case .symbol(.greater): return .greater
        case .symbol(.greaterOrEqual): return .greaterOrEqual
        default: return .equal
        }
    }

    /// Signs bind before filters: `-1 | abs` is the absolute value of -1. Of a row of signs at most two are kept, so
    /// that no tree is deep.
    private mutating func parseSigned() throws(ChatTemplateError) -> TemplateExpression {
        var signs = 0
        var negations = 0
        while isSymbol(.subtract) || isSymbol(.add) {
            signs += 1
            if isSymbol(.subtract) { negations += 1 }
            advance()
            if signs > TemplateLimits.nesting { throw .limit(.nesting, allowed: TemplateLimits.nesting) }
        }
        let base = try parsePrimary()
        var steps = try parsePostfixes(includesFilters: signs == 0)
        if signs == 0 { return steps.isEmpty ? base : .chain(base, steps) }
        var value = steps.isEmpty ? base : .chain(base, steps)
        value = .sign(isNegative: negations > 0, value)
        if negations > 0, negations % 2 == 0 { value = .sign(isNegative: true, value) }
        steps = try parsePostfixes(includesFilters: true)
        return steps.isEmpty ? value : .chain(value, steps)
    }

    mutating func parseUnfiltered() throws(ChatTemplateError) -> TemplateExpression {
        let base = try parsePrimary()
        let steps = try parsePostfixes(includesFilters: false)
        return steps.isEmpty ? base : .chain(base, steps)
    }

    private mutating func parsePrimary() throws(ChatTemplateError) -> TemplateExpression {
        switch current {
        case .name(let name):
            advance()
            switch name {
            case "true", "True": return .literal(.bool(true))
            case "false", "False": return .literal(.bool(false))
            case "none", "None": return .literal(.null)
            default:
                mention(name)
                return .name(name)
            }
        case .literal(.text(var text)):
            advance()
            while case .literal(.text(let more)) = current {
                text.units += more.units
                advance()
            }
            return .literal(.text(text))
        case .literal(let literal):
            advance()
            return .literal(literal)
        case .symbol(.leftParenthesis):
            advance()
            let value = try parseTuple(mayBeEmpty: true)
            try expect(.rightParenthesis)
            return value
        case .symbol(.leftBracket): return .list(try parseList())
        case .symbol(.leftBrace): return try parseDictionary()
        default: throw problem("expected an expression")
        }
    }

    private mutating func parseList() throws(ChatTemplateError) -> [TemplateExpression] {
        advance()
        var items: [TemplateExpression] = []
        while !isSymbol(.rightBracket) {
            items.append(try parseExpression())
            if !skip(.comma) { break }
        }
        try expect(.rightBracket)
        return items
    }

    private mutating func parseDictionary() throws(ChatTemplateError) -> TemplateExpression {
        advance()
        var pairs: [(key: TemplateExpression, value: TemplateExpression)] = []
        while !isSymbol(.rightBrace) {
            let key = try parseExpression()
            try expect(.colon)
            pairs.append((key, try parseExpression()))
            if !skip(.comma) { break }
        }
        try expect(.rightBrace)
        return .dictionary(pairs)
    }
}
