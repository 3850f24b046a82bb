/// Reads statements. The grammar is that of jinja2's parser, without inheritance and includes.
struct TemplateParser {
    private let tokens: [TemplateToken]
    let stack = TemplateStack()
    private var index = 0
    private var nesting = 0
    var depth = 0
    private var loopCount = 0
    /// Names that each macro being read mentions.
    private var mentioned: [Set<String>] = []

    static func parse(_ source: String) throws(ChatTemplateError) -> [TemplateStatement] {
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(source))
        let (body, _) = try parser.parseBody(until: [])
        return body
    }

    private init(tokens: [TemplateToken]) { self.tokens = tokens }

    // MARK: Tokens

    var current: TemplateToken.Kind { tokens[index].kind }
    var line: Int { tokens[index].line }

    mutating func advance() { if index + 1 < tokens.count { index += 1 } }

    func isSymbol(_ symbol: TemplateSymbol, ahead: Int = 0) -> Bool {
        guard index + ahead < tokens.count, case .symbol(let found) = tokens[index + ahead].kind else { return false }
        return found == symbol
    }

    func isName(_ name: String, ahead: Int = 0) -> Bool {
        guard index + ahead < tokens.count, case .name(let found) = tokens[index + ahead].kind else { return false }
        return found == name
    }

    var isTagEnd: Bool {
        switch current {
        case .blockEnd, .outputEnd, .end: true
        default: false
        }
    }

    mutating func skip(_ symbol: TemplateSymbol) -> Bool {
        if !isSymbol(symbol) { return false }
        advance()
        return true
    }

    mutating func skipName(_ name: String) -> Bool {
        if !isName(name) { return false }
        advance()
        return true
    }

    mutating func expect(_ symbol: TemplateSymbol) throws(ChatTemplateError) {
        if !skip(symbol) { throw problem("expected '\(symbol.rawValue)'") }
    }

    mutating func expectName() throws(ChatTemplateError) -> String {
        guard case .name(let name) = current else { throw problem("expected a name") }
        advance()
        return name
    }

    func problem(_ text: String) -> ChatTemplateError { .syntax(line: line, problem: text) }

    mutating func mention(_ name: String) {
        if !mentioned.isEmpty { mentioned[mentioned.count - 1].insert(name) }
    }

    /// Every level of brackets or blocks goes through here.
    mutating func enter() throws(ChatTemplateError) {
        nesting += 1
        try stack.check()
        if nesting > TemplateLimits.nesting { throw .limit(.nesting, allowed: TemplateLimits.nesting) }
    }

    mutating func leave() { nesting -= 1 }

    // MARK: Statements

    private mutating func expectBlockEnd() throws(ChatTemplateError) {
        guard case .blockEnd = current else { throw problem("expected the end of the tag") }
        advance()
    }

    /// Statements up to a tag with one of these names, and that name; with no names, up to the end.
    private mutating func parseBody(
        until ends: [String]
    ) throws(ChatTemplateError) -> (body: [TemplateStatement], end: String) {
        let first = line
        try enter()
        defer { leave() }
        var body: [TemplateStatement] = []
        while true {
            switch current {
            case .text(let text):
                body.append(.text(text))
                advance()
            case .outputBegin:
                advance()
                body.append(.output(try parseTuple()))
                guard case .outputEnd = current else { throw problem("expected '}}'") }
                advance()
            case .blockBegin:
                advance()
                guard case .name(let name) = current else { throw problem("expected the name of a tag") }
                advance()
                if ends.contains(name) { return (body, name) }
                body.append(try parseStatement(name))
                try expectBlockEnd()
            default:
                if ends.isEmpty { return (body, "") }
                throw .syntax(line: first, problem: "a block lacks its \(ends[ends.count - 1])")
            }
        }
    }

    /// Body of a block tag, whose end is at the position where its name and arguments end.
    private mutating func parseBlock(
        until ends: [String]
    ) throws(ChatTemplateError) -> (body: [TemplateStatement], end: String) {
        _ = skip(.colon)
        try expectBlockEnd()
        return try parseBody(until: ends)
    }

    private mutating func parseStatement(_ name: String) throws(ChatTemplateError) -> TemplateStatement {
        switch name {
        case "if": return try parseIf()
        case "for": return try parseFor()
        case "set": return try parseSet()
        case "macro": return .macro(try parseMacro())
        case "call": return try parseCall()
        case "filter":
            let filters = try parseFilters(startsInline: true)
            return .filterBlock(filters, try parseBlock(until: ["endfilter"]).body)
        case "generation": return .scope([], try parseBlock(until: ["endgeneration"]).body)
        case "with": return try parseWith()
        case "print": return .output(try parseTuple())
        case "break", "continue":
            if loopCount == 0 { throw problem("\(name) outside of a loop") }
            return name == "break" ? .breakLoop : .continueLoop
        default: throw problem("unknown tag '\(name)'")
        }
    }

    private mutating func parseIf() throws(ChatTemplateError) -> TemplateStatement {
        var branches: [TemplateBranch] = []
        while true {
            let test = try parseTuple(allowsConditional: false)
            let (body, end) = try parseBlock(until: ["elif", "else", "endif"])
            branches.append(TemplateBranch(test: test, body: body))
            if end == "elif" { continue }
            if end == "endif" { return .conditional(branches, otherwise: []) }
            return .conditional(branches, otherwise: try parseBlock(until: ["endif"]).body)
        }
    }

    private mutating func parseFor() throws(ChatTemplateError) -> TemplateStatement {
        let target = try parseTarget(end: "in")
        if target.names("loop") { throw problem("a loop cannot name its item 'loop'") }
        if !skipName("in") { throw problem("expected 'in'") }
        let sequence = try parseTuple(allowsConditional: false, end: "recursive")
        let filter = skipName("if") ? try parseExpression() : nil
        _ = skipName("recursive")
        loopCount += 1
        let (body, end) = try parseBlock(until: ["endfor", "else"])
        loopCount -= 1
        let otherwise = end == "else" ? try parseBlock(until: ["endfor"]).body : []
        let loop = TemplateForLoop(
            target: target, sequence: sequence, filter: filter, body: body, otherwise: otherwise)
        return .loop(loop)
    }

    private mutating func parseSet() throws(ChatTemplateError) -> TemplateStatement {
        let target = try parseTarget(end: nil, allowsNamespace: true)
        if skip(.assign) { return .assign(target, try parseTuple()) }
        let filters = try parseFilters(startsInline: false)
        return .assignBlock(target, filters, try parseBlock(until: ["endset"]).body)
    }

    private mutating func parseWith() throws(ChatTemplateError) -> TemplateStatement {
        var values: [(TemplateTarget, TemplateExpression)] = []
        while !isTagEnd {
            if !values.isEmpty { try expect(.comma) }
            let target = try parseTarget(end: nil, isSingle: true)
            try expect(.assign)
            values.append((target, try parseExpression()))
        }
        return .scope(values, try parseBlock(until: ["endwith"]).body)
    }

    /// A name, `namespace.name`, or several of them.
    private mutating func parseTarget(
        end: String?, allowsNamespace: Bool = false, isSingle: Bool = false
    ) throws(ChatTemplateError) -> TemplateTarget {
        try enter()
        defer { leave() }
        var targets: [TemplateTarget] = []
        var isTuple = false
        while true {
            if skip(.leftParenthesis) {
                targets.append(try parseTarget(end: nil, allowsNamespace: allowsNamespace))
                try expect(.rightParenthesis)
            } else {
                let name = try expectName()
                if ["true", "false", "none", "True", "False", "None"].contains(name) {
                    throw problem("cannot assign to \(name)")
                }
                if allowsNamespace, skip(.dot) {
                    mention(name)
                    targets.append(.attribute(namespace: name, name: try expectName()))
                } else {
                    targets.append(.name(name))
                }
            }
            if isSingle || !skip(.comma) { break }
            isTuple = true
            if isTagEnd || isSymbol(.assign) || isSymbol(.rightParenthesis) || end.map({ isName($0) }) == true { break }
        }
        return isTuple ? .tuple(targets) : targets[0]
    }

    private mutating func parseMacro() throws(ChatTemplateError) -> TemplateMacro {
        let name = try expectName()
        return try parseMacroBody(name, try parseSignature(), end: "endmacro")
    }

    private mutating func parseMacroBody(
        _ name: String, _ parameters: [(name: String, standard: TemplateExpression?)], end: String
    ) throws(ChatTemplateError) -> TemplateMacro {
        let outerLoops = loopCount
        loopCount = 0
        mentioned.append([])
        let body = try parseBlock(until: [end]).body
        let names = mentioned.removeLast()
        loopCount = outerLoops
        for name in names { mention(name) }
        return TemplateMacro(
            name: name, parameters: parameters, body: body, takesMore: names.contains("varargs"),
            takesKeywords: names.contains("kwargs"), takesCaller: names.contains("caller"))
    }

    private mutating func parseSignature() throws(ChatTemplateError) -> [(name: String, standard: TemplateExpression?)]
    {
        try expect(.leftParenthesis)
        var parameters: [(name: String, standard: TemplateExpression?)] = []
        while !isSymbol(.rightParenthesis) {
            if !parameters.isEmpty { try expect(.comma) }
            let name = try expectName()
            let standard = skip(.assign) ? try parseExpression() : nil
            if standard == nil, let last = parameters.last, last.standard != nil {
                throw problem("parameter \(name) without a default follows one with a default")
            }
            parameters.append((name, standard))
        }
        advance()
        return parameters
    }

    private mutating func parseCall() throws(ChatTemplateError) -> TemplateStatement {
        let parameters = isSymbol(.leftParenthesis) ? try parseSignature() : []
        guard case .chain(let base, var steps) = try parseExpression(), case .call(let arguments)? = steps.popLast()
        else { throw problem("expected a call") }
        let body = try parseMacroBody("caller", parameters, end: "endcall")
        return .callBlock(body, callee: steps.isEmpty ? base : .chain(base, steps), arguments)
    }
}
