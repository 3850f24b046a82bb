import Testing

@testable import IsterServer

/// Calls in the text of answers.
@Suite struct ToolCallParserTests {
    private typealias Output = ToolCallParser.Output

    /// Adjacent texts are one.
    private static func joined(_ outputs: [Output]) -> [Output] {
        outputs.reduce(into: []) { joined, output in
            if case .text(let more) = output, case .text(let text)? = joined.last {
                joined[joined.count - 1] = .text(text + more)
            } else if case .arguments(let more, let isLast) = output, case .arguments(let part, false)? = joined.last {
                joined[joined.count - 1] = .arguments(part + more, isLast: isLast)
            } else {
                joined.append(output)
            }
        }
    }

    private static func read(_ form: ToolSyntax.Form, _ pieces: [String], isHeld: Bool = false) -> [Output] {
        var parser = ToolCallParser(form, names: ["find", "get_time"], isHeld: isHeld)
        let outputs = pieces.flatMap { parser.push($0) }
        return joined(outputs + parser.finish())
    }

    private static func find(_ arguments: String) -> Output { .call(ToolCall(name: "find", arguments: arguments)) }
    private static let time = Output.call(ToolCall(name: "get_time", arguments: "{}"))

    private static let cases: [(form: ToolSyntax.Form, text: String, outputs: [Output])] = [
        (
            .tagged,
            "Let me see.\n<tool_call>\n{\"name\": \"find\", \"arguments\": {\"a\": 1e5,  \"é\": [1, 2]}}\n</tool_call>\n"
                + "<tool_call>{\"name\":\"get_time\"}</tool_call>\n",
            [.text("Let me see."), find("{\"a\": 1e5,  \"é\": [1, 2]}"), time]
        ),
        // The model forgot the end, and wrote the arguments as text.
        (.tagged, "<tool_call>{\"name\":\"find\",\"arguments\":\"{\\\"x\\\":2}\"}", [find("{\"x\":2}")]),
        (
            .tagged, "<tool_call>{\"name\":\"find\",\"arguments\":{}}</tool_call> and more ",
            [find("{}"), .text(" and more")]
        ),
        (
            .list,
            "x [TOOL_CALLS] [{\"name\":\"find\",\"arguments\":{\"q\":\"a,]\\\"b\"},\"id\":\"123456789\"}, {\"name\":\"get_time\"}]",
            [.text("x"), find("{\"q\":\"a,]\\\"b\"}"), time]
        ),
        (.bare, "\n{\"name\": \"find\", \"parameters\": {\"x\": {\"y\": 1}}}", [find("{\"x\": {\"y\": 1}}")]),
        (.bare, "<|python_tag|>{\"name\": \"get_time\", \"parameters\": {}}", [time]),
    ]

    @Test(arguments: cases.indices) func `calls are found, in one piece or letter by letter`(index: Int) {
        let (form, text, outputs) = Self.cases[index]
        #expect(Self.read(form, [text]) == outputs)
        #expect(Self.read(form, text.map { String($0) }) == outputs)
    }

    private static func told(_ arguments: String, isWhole: Bool = true) -> [Output] {
        [.begun(name: "find"), .arguments(arguments, isLast: isWhole)]
    }

    private static let heldCases: [(form: ToolSyntax.Form, text: String, outputs: [Output])] = [
        (
            .tagged,
            "So. <tool_call>\n{\"name\": \"find\", \"arguments\": {\"a\": \"}]</tool_call>\\\"é\", \"b\": [{}]}}\n</tool_call>\n"
                + "<tool_call>{\"name\":\"find\",\"arguments\":{}}</tool_call>",
            [.text("So.")] + told("{\"a\": \"}]</tool_call>\\\"é\", \"b\": [{}]}") + told("{}")
        ),
        (.tagged, "<tool_call>{\"name\":\"find\",\"arguments\":{\"a\":\"x", told("{\"a\":\"x", isWhole: false)),
        (.tagged, "<tool_call>{\"name\":\"find\",\"arguments\":{}}</tool_", told("{}")),
        (.tagged, "<tool_call>{\"name\":\"find\",\"argu", [.text("<tool_call>{\"name\":\"find\",\"argu")]),
        (
            .list,
            "[TOOL_CALLS] [{\"name\":\"find\",\"arguments\":{\"q\":1}}, {\"name\": \"find\", \"arguments\": {}}]",
            told("{\"q\":1}") + told("{}")
        ),
        (.bare, " {\"name\": \"find\", \"parameters\": {\"x\": {\"y\": 1}}}", told("{\"x\": {\"y\": 1}}")),
        (.bare, "<|python_tag|>{\"name\": \"find\", \"parameters\": {}}", told("{}")),
        (.tagged, "<tool_call>{\"name\":\"find\",\"arguments\":{}}</tool_call> more", told("{}") + [.text(" more")]),
    ]

    @Test(arguments: heldCases.indices) func `calls that a constraint holds are told while they come`(index: Int) {
        let (form, text, outputs) = Self.heldCases[index]
        #expect(Self.read(form, [text], isHeld: true) == outputs)
        #expect(Self.read(form, text.map { String($0) }, isHeld: true) == outputs)
    }

    @Test func `a call without a mark that was not seen to begin stays text where a function is strict`() {
        for text in [
            "{\"type\": \"function\", \"name\": \"find\", \"parameters\": {}}",
            "{   \"name\": \"find\", \"parameters\": {}}",
            "{\"parameters\": {}, \"name\": \"find\"}", "{", "{\n  \"na",
        ] {
            for pieces in [[text], text.map { String($0) }] {
                var parser = ToolCallParser(.bare, names: ["find"], isHeld: true, refusesOtherOpenings: true)
                var outputs = pieces.flatMap { parser.push($0) }
                outputs += parser.finish()
                #expect(Self.joined(outputs) == [.text(text)], "\(text)")
            }
        }
        for head in ToolSyntax.bareHeads {
            var parser = ToolCallParser(.bare, names: ["find"], isHeld: true, refusesOtherOpenings: true)
            let text = String(decoding: head, as: UTF8.self) + ": \"find\", \"parameters\": {\"a\": 1}}"
            #expect(parser.push(text) + parser.finish() == Self.told("{\"a\": 1}"))
        }
    }

    private static let texts: [(ToolSyntax.Form, String)] = [
        (.tagged, "no call, only a < b and <tool_cal"), (.tagged, " \n"), (.tagged, ""),
        (.tagged, "a <tool_call>{\"name\":\"other\",\"arguments\":{}}</tool_call> b"),
        (.tagged, "<tool_call>{\"name\":\"find\",\"arguments\":[]}</tool_call>"),
        (.tagged, "<tool_call>{\"name\":\"find\",\"arguments\":{}"), (.tagged, "<tool_call><tool_call></tool_call>"),
        (.tagged, "{\"name\":\"find\",\"arguments\":{}}"), (.list, "[TOOL_CALLS]"), (.list, "[TOOL_CALLS][]"),
        (.list, "a [TOOL_CALLS][{\"name\":\"find\",\"arguments\":{}},{\"name\":\"other\"}] "),
        (.bare, "{\"name\": \"other\", \"parameters\": {}}"), (.bare, "{\"a\": 1} and more\n"), (.bare, "  {"),
        (.bare, "text {\"name\": \"find\", \"parameters\": {}}"), (.bare, "<|python_tag|>print(1)"),
    ]

    @Test func `what is no call stays text, to the last byte`() {
        for (form, text) in Self.texts {
            let expected: [Output] = text.isEmpty ? [] : [.text(text)]
            #expect(Self.read(form, [text]) == expected)
            #expect(Self.read(form, text.map { String($0) }) == expected)
            // Without a call there is nothing that a constraint could have held.
            if !text.contains("\"find\",\"arguments\":{}") {
                #expect(Self.read(form, [text], isHeld: true) == expected)
            }
        }
    }

    @Test func `text is told as soon as it cannot be a call`() {
        var parser = ToolCallParser(.tagged, names: ["find"])
        #expect(parser.push("Hello ") == [.text("Hello")])
        #expect(parser.push("<tool") == [])
        #expect(parser.push("box>") == [.text(" <toolbox>")])
    }

    @Test func `arguments are told as soon as they come`() {
        var parser = ToolCallParser(.tagged, names: ["find"], isHeld: true)
        #expect(parser.push("<tool_call>{\"name\":\"find\",\"arguments\":") == [])
        #expect(parser.push("{\"a") == [.begun(name: "find"), .arguments("{\"a", isLast: false)])
        #expect(parser.push("\":1}}") == [.arguments("\":1}", isLast: true)])
    }

    static let templates: [(String, ToolSyntax.Form?)] = [
        (
            "{% if tools %}<tool_call>\\n{\\\"name\\\": <name>, \\\"arguments\\\": <args>}</tool_call>{% endif %}",
            .tagged
        ),
        ("{% for t in tools %}{% endfor %}'<tool_call>\\n<function=' + name; '\"arguments\"'", nil),
        ("{{ tools }}<tool_call>{{ name }}<arg_key>\"arguments\"", nil),
        ("{{ tools }}[TOOL_CALLS][{{ call }}]", .list), ("{{ tools }}[TOOL_CALLS]' + name + '[ARGS]'", nil),
        ("{{ tools }}Respond in the format {\"name\": function name, \"parameters\": dictionary}", .bare),
        ("{{ tools | tojson }}", nil), (TestModel.template, nil),
    ]

    @Test(arguments: templates) func `the form of calls is told by the template`(
        template: String, form: ToolSyntax.Form?
    ) {
        #expect(ToolSyntax.form(template) == form)
    }
}
