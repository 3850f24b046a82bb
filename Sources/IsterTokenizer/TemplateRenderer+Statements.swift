/// One statement after the other.
extension TemplateRenderer {
    /// How a body ended.
    enum Flow {
        case done, breaksLoop, continuesLoop
    }

    func run(_ body: [TemplateStatement]) throws(ChatTemplateError) -> Flow {
        for index in body.indices {
            let flow = try run(body[index])
            if flow != .done { return flow }
        }
        return .done
    }

    private func run(_ statement: TemplateStatement) throws(ChatTemplateError) -> Flow {
        try spend()
        try enter()
        defer { leave() }
        // As with expressions: each case is taken apart in its own function.
        switch statement {
        case .text, .output: try runOutput(statement)
        case .conditional: return try runConditional(statement)
        case .loop: try runLoop(statement)
        case .assign, .assignBlock: try runAssign(statement)
        case .macro: define(statement)
        case .callBlock: try runCallBlock(statement)
        case .filterBlock: try runFilterBlock(statement)
        case .scope: return try runScope(statement)
        case .breakLoop: return .breaksLoop
        case .continueLoop: return .continuesLoop
        }
        return .done
    }

    private func runOutput(_ statement: TemplateStatement) throws(ChatTemplateError) {
        if case .text(let text) = statement { return try write(text.units) }
        guard case .output(let expression) = statement else { return }
        try write(try text(try evaluate(expression)).units)
    }

    private func runConditional(_ statement: TemplateStatement) throws(ChatTemplateError) -> Flow {
        guard case .conditional(let branches, let otherwise) = statement else { return .done }
        for branch in branches where try evaluate(branch.test).isTrue { return try run(branch.body) }
        return try run(otherwise)
    }

    private func define(_ statement: TemplateStatement) {
        guard case .macro(let macro) = statement else { return }
        register(scope)
        scope.variables[macro.name] = .callable(TemplateCallable(.macro(macro, scope)))
    }

    /// Runs `body` with variables of its own.
    func scoped<Result>(_ body: () throws(ChatTemplateError) -> Result) throws(ChatTemplateError) -> Result {
        let outer = scope
        scope = TemplateScope(parent: outer)
        defer { scope = outer }
        return try body()
    }

    private func runScope(_ statement: TemplateStatement) throws(ChatTemplateError) -> Flow {
        guard case .scope(let values, let body) = statement else { return .done }
        var items: [TemplateItem] = []
        for (_, expression) in values { items.append(try evaluate(expression)) }
        let outer = scope
        scope = TemplateScope(parent: outer)
        defer { scope = outer }
        for index in values.indices { try assign(values[index].0, items[index]) }
        return try run(body)
    }

    private func scopedText(_ body: [TemplateStatement]) throws(ChatTemplateError) -> TemplateText {
        let outer = scope
        scope = TemplateScope(parent: outer)
        defer { scope = outer }
        return try captured(body)
    }

    private func runAssign(_ statement: TemplateStatement) throws(ChatTemplateError) {
        if case .assign(let target, let expression) = statement { return try assign(target, try evaluate(expression)) }
        guard case .assignBlock(let target, let filters, let body) = statement else { return }
        try assign(target, try apply(filters, to: .text(try scopedText(body))))
    }

    private func runFilterBlock(_ statement: TemplateStatement) throws(ChatTemplateError) {
        guard case .filterBlock(let filters, let body) = statement else { return }
        try write(try text(try apply(filters, to: .text(try scopedText(body)))).units)
    }

    func assign(_ target: TemplateTarget, _ value: TemplateItem) throws(ChatTemplateError) {
        switch target {
        case .name(let name): scope.variables[name] = value
        case .attribute(let namespace, let name):
            guard case .namespace(let found) = lookup(namespace) else {
                throw .invalidOperation(problem: "\(namespace) is no namespace: its attributes cannot be set")
            }
            found.set(name, value)
        case .tuple(let targets):
            let items = try items(value)
            guard items.count == targets.count else {
                throw .invalidOperation(problem: "\(items.count) values for \(targets.count) names")
            }
            for index in targets.indices { try assign(targets[index], items[index]) }
        }
    }

    // MARK: Loops

    private func runLoop(_ statement: TemplateStatement) throws(ChatTemplateError) {
        guard case .loop(let syntax) = statement else { return }
        let source = try items(try evaluate(syntax.sequence))
        let loop = TemplateLoop(source: source)
        loop.filter = syntax.filter.map { ($0, syntax.target, scope) }
        register(loop)
        let outer = scope
        defer { scope = outer }
        while try look(loop, ahead: 1) {
            try spend()
            loop.index += 1
            let inner = TemplateScope(parent: outer)
            scope = inner
            inner.variables["loop"] = .loop(loop)
            try assign(syntax.target, loop.items[loop.index])
            let flow = try run(syntax.body)
            scope = outer
            if flow == .breaksLoop { return try runOtherwise(syntax, loop) }
        }
        try runOtherwise(syntax, loop)
    }

    /// `else` of a loop runs when there was nothing to loop over.
    private func runOtherwise(_ syntax: TemplateForLoop, _ loop: TemplateLoop) throws(ChatTemplateError) {
        if loop.items.isEmpty, !syntax.otherwise.isEmpty {
            try scoped { () throws(ChatTemplateError) in
                _ = try run(syntax.otherwise)
            }
        }
    }

    /// Whether there is an item so far ahead. The loop's condition is asked only as far as needed, as it may depend
    /// on what the body does.
    func look(_ loop: TemplateLoop, ahead: Int) throws(ChatTemplateError) -> Bool {
        let wanted = loop.index + ahead
        while loop.items.count <= wanted {
            guard loop.nextSource < loop.source.count else { return false }
            let item = loop.source[loop.nextSource]
            loop.nextSource += 1
            if try passes(item, loop) { loop.items.append(item) }
        }
        return true
    }

    private func passes(_ item: TemplateItem, _ loop: TemplateLoop) throws(ChatTemplateError) -> Bool {
        guard let (test, target, outer) = loop.filter else { return true }
        try spend()
        let current = scope
        scope = TemplateScope(parent: outer)
        defer { scope = current }
        try assign(target, item)
        return try evaluate(test).isTrue
    }

    func length(_ loop: TemplateLoop) throws(ChatTemplateError) -> Int {
        _ = try look(loop, ahead: loop.source.count + 1)
        return loop.items.count
    }
}
