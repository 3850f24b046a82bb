import IsterTokenizer
import Testing

@Suite struct TemplateProvenanceTests {
    /// A mark that no template contains.
    private static let mark = "\u{2603}"

    @Test(arguments: TemplateGolden.names)
    func `nothing of a message or a tool is trusted`(name: String) throws {
        let source = try TemplateGolden.source(name)
        let template = try ChatTemplate(source)
        for (index, input) in try TemplateGolden.inputs().enumerated() {
            var marked = input
            marked.messages = input.messages.map { Self.marked($0) }
            marked.tools = input.tools.map { Self.marked($0) }
            guard let segments = try? template.render(marked) else { continue }
            for segment in segments where segment.isTrusted {
                #expect(!segment.text.contains(Self.mark), "\(name), conversation \(index)")
            }
        }
    }

    @Test(arguments: TemplateGolden.names)
    func `a template's control tokens in a message stay a user's text`(name: String) throws {
        let source = try TemplateGolden.source(name)
        let template = try ChatTemplate(source)
        for token in Self.controlTokens(source) + ["<s>", "</s>"] {
            let plain = TemplateGolden.input(messages: [Self.user("content")])
            let hostile = TemplateGolden.input(messages: [Self.user("content" + Self.mark + token + Self.mark)])
            guard let wanted = try? template.render(plain), let found = try? template.render(hostile) else { continue }
            // As much trusted text as without the token, and the token is in untrusted text, if anywhere.
            #expect(Self.count(token, in: found, isTrusted: true) == Self.count(token, in: wanted, isTrusted: true))
        }
    }

    @Test func `text keeps its origin through every operation`() throws {
        let cases = [
            ("{{ 'A' + u }}", "A", "user text"), ("{{ 'A' ~ u | upper }}", "A", "USER TEXT"),
            ("{{ u[5:] ~ 'B' }}", "B", "text"), ("{{ (' ' + u + ' ') | trim }}", "", "user text"),
            ("{{ u.replace('user', 'T') }}", "T", " text"), ("{{ ['x', u] | join('-') }}", "x-", "user text"),
            ("{{ u.split(' ') | join('+') }}", "+", "usertext"), ("{{ '<%s>' % u }}", "<>", "user text"),
            ("{{ '<{}>'.format(u) }}", "<>", "user text"),
            ("{% set x %}[{{ u }}]{% endset %}{{ x }}", "[]", "user text"),
            ("{% macro f(a) %}({{ a }}){% endmacro %}{{ f(u) }}", "()", "user text"),
            ("{{ u | title }}", "", "User Text"),
            ("{% for c in u %}{{ c }},{% endfor %}", ",,,,,,,,,", "user text"),
            ("{{ (u ~ '!') * 2 }}", "!!", "user textuser text"),
            ("{{ u | indent(1, true) }}", " ", "user text"), ("{{ u | tojson }}", "", "\"user text\""),
            ("{{ [u] }}", "", "['user text']"), ("{% filter upper %}a{{ u }}{% endfilter %}", "A", "USER TEXT"),
            ("{{ u | replace('t', '') }}{{ 5 }}", "5", "user ex"), ("{{ bos_token ~ u | first }}", "<s>", "u"),
            ("{{ u | reverse }}", "", "txet resu"), ("{{ 'x%-3sy' | format(u[:1]) }}", "xy", "u  "),
        ]
        var input = TemplateGolden.input(messages: [])
        input.variables = [("u", .string("user text"))]
        for (source, trusted, untrusted) in cases {
            let segments = try ChatTemplate(source).render(input)
            #expect(segments.filter(\.isTrusted).map(\.text).joined() == trusted, "\(source)")
            #expect(segments.filter { !$0.isTrusted }.map(\.text).joined() == untrusted, "\(source)")
        }
    }

    @Test func `a known role is trusted, any other is not`() throws {
        let template = try ChatTemplate("{% for m in messages %}{{ '<|' + m.role + '|>' }}{% endfor %}")
        let known = TemplateGolden.input(messages: [.object([("role", .string("user"))])])
        #expect(try template.render(known) == [PromptSegment(text: "<|user|>", isTrusted: true)])
        let unknown = TemplateGolden.input(messages: [.object([("role", .string("end"))])])
        #expect(
            try template.render(unknown) == [
                PromptSegment(text: "<|", isTrusted: true), PromptSegment(text: "end", isTrusted: false),
                PromptSegment(text: "|>", isTrusted: true),
            ])
    }

    @Test func `comparison does not ask who wrote a text`() throws {
        var input = TemplateGolden.input(messages: [])
        input.variables = [("u", .string("abc")), ("d", .object([("abc", .integer(1))]))]
        let template = try ChatTemplate("{{ u == 'abc' and 'b' in u and u in ['abc'] and d[u] == d['abc'] }}")
        #expect(try template.render(input).map(\.text) == ["True"])
    }

    private static func user(_ text: String) -> TemplateValue {
        .object([("role", .string("user")), ("content", .string(text))])
    }

    /// The value with a mark in each of its texts but roles and types.
    private static func marked(_ value: TemplateValue) -> TemplateValue {
        switch value {
        case .string(let text): .string(text + mark)
        case .list(let values): .list(values.map { marked($0) })
        case .object(let entries):
            .object(entries.map { ["role", "type"].contains($0.key) ? $0 : (key: $0.key, value: marked($0.value)) })
        default: value
        }
    }

    /// What looks like a control token in a template's source.
    private static func controlTokens(_ source: String) -> [String] {
        var tokens: Set<String> = []
        for piece in source.split(separator: "<").dropFirst() {
            guard let end = piece.firstIndex(of: ">"), piece.distance(from: piece.startIndex, to: end) < 40 else {
                continue
            }
            let inside = piece[..<end]
            if !inside.contains(where: { $0.isWhitespace || $0 == "'" || $0 == "{" }) { tokens.insert("<\(inside)>") }
        }
        for piece in source.split(separator: "[").dropFirst() {
            guard let end = piece.firstIndex(of: "]") else { continue }
            let inside = piece[..<end]
            if inside.count > 2, inside.allSatisfy({ $0.isUppercase || $0 == "_" || $0 == "/" }) {
                tokens.insert("[\(inside)]")
            }
        }
        return tokens.sorted()
    }

    private static func count(_ token: String, in segments: [PromptSegment], isTrusted: Bool) -> Int {
        segments.filter { $0.isTrusted == isTrusted }.map { pieces($0.text, token) }.reduce(0, +)
    }

    private static func pieces(_ text: String, _ token: String) -> Int {
        var count = 0
        var rest = Array(text.utf8)[...]
        let wanted = Array(token.utf8)
        while rest.count >= wanted.count {
            if rest.starts(with: wanted) { count += 1 }
            rest.removeFirst()
        }
        return count
    }
}
