import IsterGenerator
import IsterTokenizer

/// How a model writes calls of functions, told by the text of its chat template.
struct ToolSyntax: Sendable {
    enum Form: Sendable, Equatable {
        /// `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, once for each call (Hermes, Qwen 2.5 and 3,
        /// Granite).
        case tagged
        /// `[TOOL_CALLS][{"name": …, "arguments": {…}}, …]` at the end of the answer (Mistral to v3).
        case list
        /// The answer is one object `{"name": …, "parameters": {…}}`, perhaps after `<|python_tag|>` (Llama 3).
        case bare

        var opening: String {
            switch self {
            case .tagged: "<tool_call>"
            case .list: "[TOOL_CALLS]"
            case .bare: "<|python_tag|>"
            }
        }

        static let closing = "</tool_call>"
    }

    let form: Form
    /// Marks that are special tokens of the vocabulary: they have no text of their own.
    let markers: [Int32: String]

    /// Calls of one answer that a constraint allows.
    static let mostCalls = 32

    /// nil: the template offers no tools, or its calls have a form that is not read here.
    init?(template: String, tokenizer: Tokenizer) {
        guard let form = Self.form(template) else { return nil }
        self.form = form
        var markers: [Int32: String] = [:]
        for text in form == .tagged ? [form.opening, Form.closing] : [form.opening] {
            if let id = tokenizer.id(ofPiece: Array(text.utf8)), tokenizer.isSpecial(id) { markers[id] = text }
        }
        self.markers = markers
    }

    /// The rule: `<tool_call>` beside `"arguments"`, without the tags of forms that are no JSON, is `tagged`;
    /// `[TOOL_CALLS]` before `[` is `list`; Llama's instruction on the format is `bare`.
    static func form(_ template: String) -> Form? {
        let text = template.replacing("\\\"", with: "\"")
        guard text.contains("tools") else { return nil }
        if text.contains("<tool_call>"), text.contains("\"arguments\"") {
            let others = ["<function=", "<arg_key>", "<parameter", "<tool_calls>"]
            return others.contains { text.contains($0) } ? nil : .tagged
        }
        if text.contains("[TOOL_CALLS][") || text.contains("[TOOL_CALLS] [") { return .list }
        if text.contains("{\"name\": function name, \"parameters\":") { return .bare }
        return nil
    }

    /// A new id for a call. Mistral's templates take nine letters and digits only.
    func callID() -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        let text = (0..<(form == .list ? 9 : 24)).map { _ in letters[Int.random(in: letters.indices)] }
        return (form == .list ? "" : "call_") + String(text)
    }

    /// The grammar's rule for an answer that is nothing but calls. functions: a rule for the arguments of each.
    func calls(
        _ functions: [(name: String, arguments: JSONGrammar.Rule)], isParallel: Bool, in grammar: inout JSONGrammar
    ) -> JSONGrammar.Rule {
        let most = isParallel ? Self.mostCalls : 1
        let call = call(functions, in: &grammar)
        switch form {
        case .bare: return call
        case .list: return grammar.sequence([mark(form.opening), .space, .value(list(call, most, in: &grammar))])
        case .tagged:
            let tagged = grammar.sequence([mark(form.opening), .space, .value(call), .space, mark(Form.closing)])
            return grammar.repeated(tagged, separator: "\n", maximum: most)
        }
    }

    /// The same for what follows the opening of a call in free text.
    func callsAfterOpening(
        _ functions: [(name: String, arguments: JSONGrammar.Rule)], isParallel: Bool, in grammar: inout JSONGrammar
    ) -> JSONGrammar.Rule {
        let call = call(functions, in: &grammar)
        switch form {
        case .bare: return call
        case .list: return list(call, isParallel ? Self.mostCalls : 1, in: &grammar)
        case .tagged: return grammar.sequence([.value(call), .space, mark(Form.closing)])
        }
    }

    /// Where `callsAfterOpening` begins.
    var openings: [ConstraintOpening] {
        let opening = ConstraintOpening(
            Array(form.opening.utf8), token: markers.first { $0.value == form.opening }?.key)
        guard form == .bare else { return [opening] }
        return [opening] + Self.bareHeads.map { ConstraintOpening($0, isAtStart: true, isIncluded: true) }
    }

    /// Without a mark a call is told by its first key, and only at the answer's beginning: how models begin it, in one
    /// line or with indentation.
    static let bareHeads = ["", " ", "\n", "\n ", "\n  ", "\n    ", "\n\t"].map { Array("{\($0)\"name\"".utf8) }

    private func list(_ call: JSONGrammar.Rule, _ most: Int, in grammar: inout JSONGrammar) -> JSONGrammar.Rule {
        grammar.array(prefix: [], items: call, minimum: 1, maximum: most)
    }

    private func call(
        _ functions: [(name: String, arguments: JSONGrammar.Rule)], in grammar: inout JSONGrammar
    ) -> JSONGrammar.Rule {
        var objects: [JSONGrammar.Rule] = []
        for function in functions {
            let name = grammar.literal(JSONText.string(function.name))
            let key = form == .bare ? "parameters" : "arguments"
            objects.append(
                grammar.object(
                    [
                        .init(key: "name", value: name, isRequired: true),
                        .init(key: key, value: function.arguments, isRequired: true),
                    ], additional: nil))
        }
        return grammar.any(of: objects)
    }

    private func mark(_ text: String) -> JSONGrammar.Part {
        markers.first { $0.value == text }.map { .token($0.key) } ?? .text(text)
    }
}

/// Text with the marks of calls, where these are special tokens.
struct MarkedText: TextStream {
    private var decoder: StreamDecoder
    private let markers: [Int32: String]

    init(_ decoder: StreamDecoder, markers: [Int32: String]) {
        self.decoder = decoder
        self.markers = markers
    }

    mutating func append(_ id: Int32) -> String { decoder.append(id) + (markers[id] ?? "") }
    mutating func finish() -> String { decoder.finish() }
}
