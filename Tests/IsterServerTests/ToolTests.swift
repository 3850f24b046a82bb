import IsterGenerator
import IsterTokenizer
import Testing

@testable import IsterServer

/// Tools through the routes.
@Suite struct ToolTests {
    private static let path = "/v1/chat/completions"
    private static let template =
        "{% if tools %}{% for t in tools %}{{ t.function.name }};{% endfor %}<tool_call>{\"arguments\"}{% endif %}"
        + TestModel.template
    private static let tools =
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"find\",\"description\":\"d\",\"strict\":true,"
        + "\"parameters\":{\"type\":\"object\",\"properties\":{\"place\":{\"enum\":[\"here\",\"there\"]},"
        + "\"count\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9}},\"required\":[\"place\",\"count\"],"
        + "\"additionalProperties\":false}}},{\"type\":\"function\",\"function\":{\"name\":\"get_time\"}}]"
    private static let call = "Well.\n<tool_call>{\"name\":\"find\",\"arguments\":{\"place\":\"here\"}}</tool_call>"

    private static func body(_ more: String, messages: String = "{\"role\":\"user\",\"content\":\"hi\"}") -> String {
        "{\"model\":\"tiny\",\"messages\":[\(messages)],\(more)}"
    }

    private func server(saying text: String) throws -> TestServer {
        try TestServer(FakeGenerator(contextLength: 1000, saying: text), template: Self.template)
    }

    @Test func `a call in the answer is told as one`() async throws {
        let generator = FakeGenerator(contextLength: 1000, saying: Self.call)
        let answer = try await TestServer(generator, template: Self.template).post(Self.path, Self.body(Self.tools))
        #expect(answer.status == 200, "\(answer.text)")
        let choice = answer.json["choices"]?[0]
        #expect(choice?["finish_reason"] == "tool_calls")
        #expect(choice?["message"]?.keys == ["role", "content", "refusal", "tool_calls"])
        #expect(choice?["message"]?["content"] == "Well.")
        let call = choice?["message"]?["tool_calls"]?[0]
        #expect(call?["id"]?.text?.hasPrefix("call_") == true)
        #expect(call?["type"] == "function")
        #expect(call?["function"] == ["name": "find", "arguments": "{\"place\":\"here\"}"])
        let prompt = String(
            decoding: try TestModel.tokenizer().decode(generator.requests[0].prompt, skipSpecial: true), as: UTF8.self)
        #expect(prompt.hasPrefix("find;get_time;"))
    }

    @Test(arguments: [false, true])
    func `a stream tells id and name, then the arguments, in parts if they are sure to fit`(isStrict: Bool) async throws
    {
        let tools = Self.tools.replacing("\"strict\":true", with: "\"strict\":\(isStrict)")
        let answer = try await server(saying: Self.call + Self.call).post(
            Self.path, Self.body(tools + ",\"stream\":true"))
        let choices = answer.chunks.compactMap { $0["choices"]?[0] }
        #expect(choices.last?["finish_reason"] == "tool_calls")
        #expect(choices.compactMap { $0["delta"]?["content"]?.text }.joined() == "Well.\nWell.")
        let calls = choices.compactMap { $0["delta"]?["tool_calls"]?[0] }
        #expect(isStrict ? calls.count > 20 : calls.count == 4)
        var ids: Set<String> = []
        for index in 0..<2 {
            let own = calls.filter { $0["index"] == .integer(index) }
            #expect(own[0].keys == ["index", "id", "type", "function"])
            #expect(own[0]["function"] == ["name": "find", "arguments": ""])
            ids.insert(own[0]["id"]?.text ?? "")
            #expect(own.dropFirst().allSatisfy { $0.keys == ["index", "function"] })
            #expect(own.compactMap { $0["function"]?["arguments"]?.text }.joined() == "{\"place\":\"here\"}")
        }
        #expect(ids.count == 2)
    }

    @Test func `text that is no call stays content, also when it is cut off`() async throws {
        let text = "<tool_call>{\"name\":\"other\",\"arguments\":{}}</tool_call> <tool_c"
        for stream in [false, true] {
            let answer = try await server(saying: text).post(Self.path, Self.body("\(Self.tools),\"stream\":\(stream)"))
            let choices =
                stream ? answer.chunks.compactMap { $0["choices"]?[0] } : [answer.json["choices"]?[0] ?? .null]
            let content = choices.compactMap { ($0["delta"] ?? $0["message"])?["content"]?.text }.joined()
            #expect(content == text)
            #expect(choices.last?["finish_reason"] == "stop")
        }
    }

    @Test func `without a choice to call, tools are not offered and nothing is read`() async throws {
        let generator = FakeGenerator(contextLength: 1000, saying: Self.call)
        let server = try TestServer(generator, template: Self.template)
        let answer = try await server.post(Self.path, Self.body(Self.tools + ",\"tool_choice\":\"none\""))
        #expect(answer.json["choices"]?[0]?["message"]?["content"] == .string(Self.call))
        #expect(generator.requests[0].prompt.count < 60)
    }

    @Test(arguments: ["\"required\"", "{\"type\":\"function\",\"function\":{\"name\":\"find\"}}"], [false, true])
    func `a call that must be made is made, with arguments that fit`(choice: String, isParallel: Bool) async throws {
        let server = try TestServer(try Babble.generator(), template: Self.template)
        for seed in 0..<3 {
            let answer = try await server.post(
                Self.path,
                Self.body(
                    "\(Self.tools),\"tool_choice\":\(choice),\"parallel_tool_calls\":\(isParallel),\"max_tokens\":700,"
                        + "\"seed\":\(seed),\"logit_bias\":{\"\(TestModel.end)\":5}"))
            let told = answer.json["choices"]?[0]
            #expect(told?["finish_reason"] == "tool_calls", "\(answer.text)")
            #expect(told?["message"]?["content"] == JSONValue.null)
            guard case .array(let calls)? = told?["message"]?["tool_calls"] else {
                Issue.record("no calls: \(answer.text)")
                continue
            }
            #expect(isParallel ? calls.count >= 1 : calls.count == 1)
            for call in calls {
                let arguments = try JSONReader.read(Array(try #require(call["function"]?["arguments"]?.text).utf8))
                if call["function"]?["name"] == "find" {
                    #expect(arguments.keys == ["place", "count"])
                    #expect(["here", "there"].contains(arguments["place"]))
                } else {
                    #expect(arguments == [:] && choice == "\"required\"")
                }
            }
        }
    }

    @Test func `a history of calls and results reaches the template`() async throws {
        let messages = """
            {"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function",\
            "function":{"name":"find","arguments":"{\\"place\\":\\"here\\"}"}}]},{"role":"tool","tool_call_id":"a","content":"7"}
            """
        let template = Self.template + "{{ messages[1].tool_calls[0].function.arguments.place }}"
        let generator = FakeGenerator(contextLength: 1000)
        let answer = try await TestServer(generator, template: template).post(
            Self.path, Self.body(Self.tools, messages: messages))
        #expect(answer.status == 200, "\(answer.text)")
        let prompt = String(
            decoding: try TestModel.tokenizer().decode(generator.requests[0].prompt, skipSpecial: true), as: UTF8.self)
        #expect(prompt.hasSuffix("here"))
    }

    private static let assistant =
        "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":"
        + "{\"name\":\"find\",\"arguments\":\"ARGUMENTS\"}}]}"

    private static let empty = assistant.replacing("ARGUMENTS", with: "{}")
    private static let result = "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"7\"}"
    private static let other = result.replacing("\"a\"", with: "\"b\"")
    private static let user = "{\"role\":\"user\",\"content\":\"x\"}"
    private static let broken: [(String, String)] = [
        (result, "messages[0].role"), ("\(empty),\(other)", "messages[1].tool_call_id"),
        (assistant, "messages[0].tool_calls[0].function.arguments"),
        (
            assistant.replacing("ARGUMENTS", with: "[1]"), "messages[0].tool_calls[0].function.arguments"
        ), ("\(empty),\(user),\(result)", "messages[2].role"),
    ]

    @Test(arguments: broken) func `a history that does not fit together is refused`(messages: String, parameter: String)
        async throws
    {
        let answer = try await server(saying: "a").post(Self.path, Self.body(Self.tools, messages: messages))
        #expect(answer.status == 400)
        #expect(answer.error("param") == .string(parameter), "\(answer.text)")
    }

    private static func forced(_ parameters: String) -> String {
        "\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"parameters\":\(parameters)}}]"
    }

    private static let unheld: [(String, String)] = [
        ("\"tools\":[{\"type\":\"retrieval\",\"function\":{\"name\":\"a\"}}]", "tools[0].type"),
        ("\"tools\":[{\"type\":\"function\"}]", "tools[0].function"), ("\"tools\":[1]", "tools[0]"),
        ("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}]", "tools[0].function.name"),
        ("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"more\":1}}]", "tools[0].function.more"),
        ("\"tool_choice\":\"required\"", "tool_choice"), ("\(tools),\"tool_choice\":\"always\"", "tool_choice"),
        ("\(tools),\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"other\"}}", "tool_choice"),
        ("\(tools),\"response_format\":{\"type\":\"json_object\"}", "response_format"),
        (
            forced("{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"string\",\"pattern\":\"a\"}}}"),
            "tools[0].function.parameters"
        ), (forced("{\"type\":\"string\"}"), "tools[0].function.parameters"),
    ]

    @Test(arguments: unheld) func `tools that cannot be held are refused with their field`(
        more: String, parameter: String
    ) async throws {
        let answer = try await server(saying: "a").post(Self.path, Self.body(more))
        #expect(answer.status == 400)
        #expect(answer.error("param") == .string(parameter), "\(answer.text)")
    }

    @Test func `a model whose template has no known form of calls refuses tools and says why`() async throws {
        let answer = try await TestServer(FakeGenerator(contextLength: 1000)).post(Self.path, Self.body(Self.tools))
        #expect(answer.status == 400)
        #expect(answer.error("param") == "tools")
        #expect(answer.error("message")?.text?.contains("chat template") == true)
    }

    @Test func `the answer is free without a strict function, unless only one call is wanted`() async throws {
        for (isStrict, isParallel) in [(false, true), (true, true), (false, false)] {
            let generator = FakeGenerator(contextLength: 1000)
            let tools = Self.tools.replacing("\"strict\":true", with: "\"strict\":\(isStrict)")
            _ = try await TestServer(generator, template: Self.template).post(
                Self.path, Self.body("\(tools),\"parallel_tool_calls\":\(isParallel)"))
            #expect((generator.requests[0].constraint != nil) == (isStrict || !isParallel))
        }
    }

    private static let llama =
        "{\"name\": function name, \"parameters\": {% if tools %}{% endif %}" + TestModel.template
    private static let mistral = "{% if tools %}[TOOL_CALLS][{% endif %}" + TestModel.template
    private static let begun: [(template: String, beginning: String)] = [
        (template, "No.<tool_call>{\"name\":\"find\""), (llama, " {\"name\":\"find\""),
        (llama, "{ \"name\":\"find\""), (llama, "{\n    \"name\":\"find\""),
        (llama, "<|python_tag|>{\"name\":\"find\""), (mistral, "No.[TOOL_CALLS][{\"name\":\"find\""),
    ]

    @Test(arguments: begun) func `arguments of a strict function fit once the model has begun a call of its own accord`(
        template: String, beginning: String
    ) async throws {
        let server = try TestServer(try Babble.generator(beginning: beginning), template: template)
        for seed in 0..<3 {
            let answer = try await server.post(
                Self.path,
                Self.body(
                    "\(Self.tools),\"parallel_tool_calls\":false,\"max_tokens\":700,\"seed\":\(seed)"))
            let told = answer.json["choices"]?[0]
            #expect(told?["finish_reason"] == "tool_calls", "\(answer.text)")
            let content: JSONValue = beginning.hasPrefix("No.") ? "No." : .null
            #expect(told?["message"]?["content"] == content)
            let call = told?["message"]?["tool_calls"]?[0]?["function"]
            let arguments = try JSONReader.read(Array(try #require(call?["arguments"]?.text).utf8))
            #expect(arguments.keys == ["place", "count"] && ["here", "there"].contains(arguments["place"]))
        }
    }

    @Test func `several calls may follow each other, and text between them is free`() async throws {
        let beginning = "<tool_call>{\"name\":\"get_time\",\"arguments\":{}}</tool_call> {\"x\" <tool_call>"
        let server = try TestServer(try Babble.generator(beginning: beginning), template: Self.template)
        let answer = try await server.post(
            Self.path, Self.body("\(Self.tools),\"max_tokens\":700,\"seed\":1,\"logit_bias\":{\"\(TestModel.end)\":9}"))
        let message = answer.json["choices"]?[0]?["message"]
        #expect(message?["content"]?.text?.contains("{\"x\"") == true)
        guard case .array(let calls)? = message?["tool_calls"] else {
            Issue.record("no calls: \(answer.text)")
            return
        }
        #expect(calls.count == 2, "\(answer.text)")
    }
}
