/// What follows a value: attributes, items, calls, filters and tests.
extension TemplateParser {
    mutating func parsePostfixes(includesFilters: Bool) throws(ChatTemplateError) -> [TemplatePostfix] {
        var steps: [TemplatePostfix] = []
        var isAfterFilter = false
        while true {
            switch current {
            case .symbol(.dot) where !isAfterFilter:
                advance()
                steps.append(try parseAttribute())
            case .symbol(.leftBracket) where !isAfterFilter: steps.append(try parseItem())
            case .symbol(.leftParenthesis): steps.append(.call(try parseArguments()))
            case .symbol(.pipe) where includesFilters:
                advance()
                steps.append(try parseFilter())
                isAfterFilter = true
            case .name("is") where includesFilters:
                advance()
                steps.append(try parseTest())
                isAfterFilter = true
            default: return steps
            }
        }
    }

    mutating func parseFilters(startsInline: Bool) throws(ChatTemplateError) -> [TemplatePostfix] {
        var filters: [TemplatePostfix] = startsInline ? [try parseFilter()] : []
        while skip(.pipe) { filters.append(try parseFilter()) }
        return filters
    }

    private mutating func parseAttribute() throws(ChatTemplateError) -> TemplatePostfix {
        defer { advance() }
        switch current {
        case .name(let name): return .attribute(name)
        case .literal(.integer(let index)): return .item(.literal(.integer(index)))
        default: throw problem("expected a name or a number")
        }
    }

    private mutating func parseItem() throws(ChatTemplateError) -> TemplatePostfix {
        advance()
        var first: TemplateExpression?
        if !isSymbol(.colon) {
            let index = try parseExpression()
            if skip(.rightBracket) { return .item(index) }
            if isSymbol(.comma) {
                var items = [index]
                while skip(.comma) { items.append(try parseExpression()) }
                try expect(.rightBracket)
                return .item(.tuple(items))
            }
            first = index
        }
        try expect(.colon)
        let second = isSymbol(.colon) || isSymbol(.rightBracket) ? nil : try parseExpression()
        let hasStep = skip(.colon) && !isSymbol(.rightBracket)
        let third = hasStep ? try parseExpression() : nil
        try expect(.rightBracket)
        return .slice(first, second, third)
    }

    private mutating func parseDottedName() throws(ChatTemplateError) -> String {
        var name = try expectName()
        while skip(.dot) { name += "." + (try expectName()) }
        return name
    }

    private mutating func parseFilter() throws(ChatTemplateError) -> TemplatePostfix {
        let name = try parseDottedName()
        return .filter(name, isSymbol(.leftParenthesis) ? try parseArguments() : TemplateArguments())
    }

    private mutating func parseTest() throws(ChatTemplateError) -> TemplatePostfix {
        let isNegated = skipName("not")
        let name = try parseDottedName()
        if isSymbol(.leftParenthesis) { return .test(name, try parseArguments(), isNegated: isNegated) }
        var arguments = TemplateArguments()
        if isName("is") { throw problem("tests cannot be chained") }
        if beginsTestArgument { arguments.values = [try parseTestArgument()] }
        return .test(name, arguments, isNegated: isNegated)
    }

    private var beginsTestArgument: Bool {
        switch current {
        case .name(let name): !["else", "or", "and"].contains(name)
        case .literal, .symbol(.leftBracket), .symbol(.leftBrace): true
        default: false
        }
    }

    /// One value with attributes, items and calls, without filters.
    private mutating func parseTestArgument() throws(ChatTemplateError) -> TemplateExpression {
        try enter()
        defer { leave() }
        return try parseUnfiltered()
    }

    mutating func parseArguments() throws(ChatTemplateError) -> TemplateArguments {
        try expect(.leftParenthesis)
        var arguments = TemplateArguments()
        while !isSymbol(.rightParenthesis) {
            if skip(.multiply) {
                if arguments.unpackedList != nil { throw problem("two lists of arguments") }
                arguments.unpackedList = try parseExpression()
            } else if skip(.power) {
                if arguments.unpackedDictionary != nil { throw problem("two dictionaries of arguments") }
                arguments.unpackedDictionary = try parseExpression()
            } else if case .name(let name) = current, isSymbol(.assign, ahead: 1) {
                advance()
                advance()
                arguments.named.append((name, try parseExpression()))
            } else {
                if !arguments.named.isEmpty || arguments.unpackedList != nil {
                    throw problem("an argument without name after one with name")
                }
                arguments.values.append(try parseExpression())
            }
            if !skip(.comma) { break }
        }
        try expect(.rightParenthesis)
        return arguments
    }
}
