/// The caller's data as variables.
extension TemplateRenderer {
    func defineVariables(_ input: ChatTemplateInput) throws(ChatTemplateError) {
        for (name, token) in input.specialTokens { scope.variables[name] = .trusted(token) }
        if let token = input.bosToken { scope.variables["bos_token"] = .trusted(token) }
        if let token = input.eosToken { scope.variables["eos_token"] = .trusted(token) }
        for (name, value) in input.variables { scope.variables[name] = try item(value, depth: 0) }
        var messages: [TemplateItem] = []
        for message in input.messages { messages.append(try messageItem(message, input.trustedRoles)) }
        scope.variables["messages"] = try makeList(messages)
        scope.variables["tools"] = try input.tools.map(or: .null) { value throws(ChatTemplateError) in
            try item(value, depth: 0)
        }
        scope.variables["documents"] = try input.documents.map(or: .null) { value throws(ChatTemplateError) in
            try item(value, depth: 0)
        }
        scope.variables["add_generation_prompt"] = .bool(input.addGenerationPrompt)
    }

    private func messageItem(_ message: TemplateValue, _ roles: [String]) throws(ChatTemplateError) -> TemplateItem {
        guard case .object(var entries) = message else { return try item(message, depth: 0) }
        for index in entries.indices where entries[index].key == "role" {
            if case .string(let role) = entries[index].value, roles.contains(role) {
                entries[index].value = .trusted(role)
            }
        }
        return try item(.object(entries), depth: 0)
    }

    private func item(_ value: TemplateValue, depth: Int) throws(ChatTemplateError) -> TemplateItem {
        if depth > TemplateLimits.valueDepth { throw .limit(.valueDepth, allowed: TemplateLimits.valueDepth) }
        switch value {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .float(let value): return .float(value)
        case .string(let text): return .text(TemplateText(text, isTrusted: false))
        case .trusted(let text): return .text(TemplateText(text, isTrusted: true))
        case .list(let values):
            var items: [TemplateItem] = []
            for value in values { items.append(try item(value, depth: depth + 1)) }
            return try makeList(items)
        case .object(let entries):
            var keys: [TemplateItem] = []
            var values: [TemplateItem] = []
            for entry in entries {
                keys.append(.text(TemplateText(entry.key, isTrusted: false)))
                values.append(try item(entry.value, depth: depth + 1))
            }
            return try makeDictionary(keys, values)
        }
    }
}

extension Optional {
    fileprivate func map<Result, Failure: Error>(
        or other: Result, _ transform: (Wrapped) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let value = self else { return other }
        return try transform(value)
    }
}
