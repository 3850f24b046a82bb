/// The parts of a parsed template.
indirect enum TemplateStatement: Sendable {
    case text(TemplateText)
    case output(TemplateExpression)
    case conditional([TemplateBranch], otherwise: [TemplateStatement])
    case loop(TemplateForLoop)
    case assign(TemplateTarget, TemplateExpression)
    case assignBlock(TemplateTarget, [TemplatePostfix], [TemplateStatement])
    case macro(TemplateMacro)
    case callBlock(TemplateMacro, callee: TemplateExpression, TemplateArguments)
    case filterBlock([TemplatePostfix], [TemplateStatement])
    /// A body with variables of its own.
    case scope([(TemplateTarget, TemplateExpression)], [TemplateStatement])
    case breakLoop
    case continueLoop
}

struct TemplateBranch: Sendable {
    var test: TemplateExpression
    var body: [TemplateStatement]
}

struct TemplateForLoop: Sendable {
    var target: TemplateTarget
    var sequence: TemplateExpression
    var filter: TemplateExpression?
    var body: [TemplateStatement]
    var otherwise: [TemplateStatement]
}

/// What an assignment writes to.
indirect enum TemplateTarget: Sendable {
    case name(String)
    case attribute(namespace: String, name: String)
    case tuple([TemplateTarget])

    func names(_ name: String) -> Bool {
        switch self {
        case .name(let own): own == name
        case .attribute: false
        case .tuple(let targets): targets.contains { $0.names(name) }
        }
    }
}

struct TemplateMacro: Sendable {
    var name: String
    var parameters: [(name: String, standard: TemplateExpression?)]
    var body: [TemplateStatement]
    /// Whether the body mentions `varargs`, `kwargs`, `caller`: only then the macro takes them.
    var takesMore: Bool
    var takesKeywords: Bool
    var takesCaller: Bool
}

indirect enum TemplateExpression: Sendable {
    case literal(TemplateLiteral)
    case name(String)
    case list([TemplateExpression])
    case tuple([TemplateExpression])
    case dictionary([(key: TemplateExpression, value: TemplateExpression)])
    /// A value and what is done to it from left to right, as in `a.b[0] | f`.
    case chain(TemplateExpression, [TemplatePostfix])
    /// Operators of one rank from left to right.
    case arithmetic(TemplateExpression, [(operation: TemplateSymbol, operand: TemplateExpression)])
    case comparison(TemplateExpression, [(relation: TemplateRelation, operand: TemplateExpression)])
    case concatenation([TemplateExpression])
    case allOf([TemplateExpression])
    case anyOf([TemplateExpression])
    case not(TemplateExpression)
    case sign(isNegative: Bool, TemplateExpression)
    case conditional([(value: TemplateExpression, test: TemplateExpression)], otherwise: TemplateExpression?)
}

enum TemplateLiteral: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case text(TemplateText)
}

enum TemplatePostfix: Sendable {
    case attribute(String)
    case item(TemplateExpression)
    case slice(TemplateExpression?, TemplateExpression?, TemplateExpression?)
    case call(TemplateArguments)
    case filter(String, TemplateArguments)
    case test(String, TemplateArguments, isNegated: Bool)
}

enum TemplateRelation: Sendable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, isIn, isNotIn
}

struct TemplateArguments: Sendable {
    var values: [TemplateExpression] = []
    var named: [(name: String, value: TemplateExpression)] = []
    /// `*list` and `**dictionary`.
    var unpackedList: TemplateExpression?
    var unpackedDictionary: TemplateExpression?
}

enum TemplateSymbol: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case modulo = "%"
    case power = "**"
    case tilde = "~"
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case assign = "="
    case dot = "."
    case colon = ":"
    case pipe = "|"
    case comma = ","
    case semicolon = ";"
    case leftParenthesis = "("
    case rightParenthesis = ")"
    case leftBracket = "["
    case rightBracket = "]"
    case leftBrace = "{"
    case rightBrace = "}"
}

struct TemplateToken: Sendable {
    enum Kind: Sendable {
        case text(TemplateText)
        case blockBegin, blockEnd, outputBegin, outputEnd
        case name(String)
        case literal(TemplateLiteral)
        case symbol(TemplateSymbol)
        case end
    }

    var kind: Kind
    var line: Int
}

enum TemplateLimits {
    static let sourceBytes = 256 << 10
    /// Statements and brackets in each other in the source.
    static let nesting = 64
    static let macroDepth = 32
    static let steps = 1_000_000
    /// Of the caller's stopwatch, which is read once in so many steps.
    static let milliseconds = 250
    static let stepsPerLook = 1 << 10
    static let rangeLength = 10_000
    /// Lists in lists, so that no walk through a value goes deep.
    static let valueDepth = 64
    /// Native stack that parser and interpreter use: they run on threads with 512 KiB.
    static let stackBytes: UInt = 440 << 10
    /// Their calls in each other, which keep within that stack in optimized code.
    static let parserDepth = 160
    static let evaluationDepth = 200
    /// Characters that are worked on for one step.
    static let unitsPerStep = 32
}
