/// Runs a parsed template once. Its work is counted in steps, its recursion in levels; both are bounded.
final class TemplateRenderer {
    let clock: TemplateClock
    let outputByteLimit: Int
    private let stopwatch: (@Sendable () -> Duration)?
    private var steps = 0
    private let stack = TemplateStack()
    var depth = 0
    var macroDepth = 0
    var scope: TemplateScope
    /// Text of the block being rendered, and its length in bytes.
    private(set) var output: [UInt32] = []
    private var outputBytes = 0
    /// What could hold itself, emptied at the end.
    private var scopes: [TemplateScope] = []
    private var namespaces: [TemplateNamespace] = []
    private var loops: [TemplateLoop] = []

    init(_ input: ChatTemplateInput) throws(ChatTemplateError) {
        clock = input.clock
        stopwatch = input.stopwatch
        outputByteLimit = max(0, input.outputByteLimit)
        scope = TemplateScope(parent: nil)
        try defineVariables(input)
        scope = TemplateScope(parent: scope)
    }

    /// Breaks the cycles of macros with the scopes that hold them. Nothing of the run is used afterwards.
    func finish() {
        for scope in scopes { scope.variables = [:] }
        for namespace in namespaces {
            namespace.values = [:]
            namespace.names = []
        }
        for loop in loops {
            loop.source = []
            loop.items = []
            loop.changedValues = nil
            loop.filter = nil
        }
    }

    func render(_ body: [TemplateStatement]) throws(ChatTemplateError) -> [PromptSegment] {
        _ = try run(body)
        return PromptSegment.segments(output)
    }

    // MARK: Limits

    /// Counts work: one step, and one more for each `TemplateLimits.unitsPerStep` characters.
    func spend(units: Int = 0) throws(ChatTemplateError) {
        let (sum, overflow) = steps.addingReportingOverflow(1 + units / TemplateLimits.unitsPerStep)
        if overflow || sum > TemplateLimits.steps { throw .limit(.steps, allowed: TemplateLimits.steps) }
        let isLookDue = sum / TemplateLimits.stepsPerLook > steps / TemplateLimits.stepsPerLook
        steps = sum
        if isLookDue, let stopwatch, stopwatch() > .milliseconds(TemplateLimits.milliseconds) {
            throw .limit(.milliseconds, allowed: TemplateLimits.milliseconds)
        }
        try stack.check()
    }

    func spend(items: Int) throws(ChatTemplateError) {
        try spend(units: items.multipliedReportingOverflow(by: TemplateLimits.unitsPerStep).partialValue)
        if items > TemplateLimits.steps { throw .limit(.steps, allowed: TemplateLimits.steps) }
    }

    /// Text that an operation makes: counted as work, and no longer than the output may be.
    func made(_ text: TemplateText) throws(ChatTemplateError) -> TemplateItem {
        try checkLength(text.count)
        try spend(units: text.count)
        return .text(text)
    }

    func checkLength(_ count: Int) throws(ChatTemplateError) {
        if count > outputByteLimit { throw .limit(.outputBytes, allowed: outputByteLimit) }
    }

    func enter() throws(ChatTemplateError) {
        depth += 1
        if depth > TemplateLimits.evaluationDepth { throw .limit(.nesting, allowed: TemplateLimits.evaluationDepth) }
    }

    func leave() { depth -= 1 }

    // MARK: Output

    func write(_ units: [UInt32]) throws(ChatTemplateError) {
        try spend(units: units.count)
        for unit in units { outputBytes += TemplateText.byteCount(unit) }
        if outputBytes > outputByteLimit { throw .limit(.outputBytes, allowed: outputByteLimit) }
        output += units
    }

    /// Text that the body writes. A `break` or `continue` in it ends the body only there.
    func captured(_ body: [TemplateStatement]) throws(ChatTemplateError) -> TemplateText {
        let outer = output
        let outerBytes = outputBytes
        output = []
        outputBytes = 0
        defer {
            output = outer
            outputBytes = outerBytes
        }
        _ = try run(body)
        return TemplateText(output)
    }

    // MARK: Variables

    func lookup(_ name: String) -> TemplateItem {
        if let value = scope.find(name) { return value }
        if Self.globals.contains(name) { return .callable(TemplateCallable(.global(name))) }
        return .undefined("'\(name)' is undefined")
    }

    func register(_ scope: TemplateScope) { scopes.append(scope) }

    func register(_ loop: TemplateLoop) { loops.append(loop) }

    func makeNamespace() -> TemplateNamespace {
        let namespace = TemplateNamespace()
        namespaces.append(namespace)
        return namespace
    }

    // MARK: Values

    func makeList(_ items: [TemplateItem], _ kind: TemplateList.Kind = .list) throws(ChatTemplateError) -> TemplateItem
    {
        try spend(items: items.count)
        return .list(TemplateList(items, kind, depth: try depth(above: items)))
    }

    func makeDictionary(_ keys: [TemplateItem], _ values: [TemplateItem]) throws(ChatTemplateError) -> TemplateItem {
        try spend(items: keys.count)
        var places: [TemplateKey: Int] = [:]
        var kept: [TemplateItem] = []
        var keptValues: [TemplateItem] = []
        for (index, item) in keys.enumerated() {
            let key = try key(item)
            if let place = places[key] {
                keptValues[place] = values[index]
            } else {
                places[key] = kept.count
                kept.append(item)
                keptValues.append(values[index])
            }
        }
        return .dictionary(
            TemplateDictionary(
                kept, keptValues, places, depth: max(try depth(above: kept), try depth(above: keptValues))))
    }

    private func depth(above items: [TemplateItem]) throws(ChatTemplateError) -> Int {
        var depth = 0
        for item in items {
            switch item {
            case .list(let list): depth = max(depth, list.depth)
            case .dictionary(let dictionary): depth = max(depth, dictionary.depth)
            case .callable(let callable):
                // A method holds its value.
                if case .method(.list(let list), _) = callable.kind { depth = max(depth, list.depth) }
                if case .method(.dictionary(let dictionary), _) = callable.kind { depth = max(depth, dictionary.depth) }
            default: break
            }
        }
        if depth >= TemplateLimits.valueDepth { throw .limit(.valueDepth, allowed: TemplateLimits.valueDepth) }
        return depth + 1
    }

    func key(_ item: TemplateItem) throws(ChatTemplateError) -> TemplateKey {
        switch item {
        case .null: return .null
        case .bool, .integer: return .integer(item.integer ?? 0)
        case .float(let value): return Int(exactly: value).map { .integer($0) } ?? .float(value)
        case .text(let text):
            try spend(units: text.count)
            return .text(text.units.map { $0 & TemplateText.scalarMask })
        case .list(let list) where list.kind == .tuple:
            var keys: [TemplateKey] = []
            for item in list.items {
                try spend()
                keys.append(try key(item))
            }
            return .tuple(keys)
        default: throw .invalidOperation(problem: "a \(item.typeName) cannot be a key")
        }
    }
}
