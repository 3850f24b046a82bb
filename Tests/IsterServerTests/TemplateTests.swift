import IsterGenerator
import IsterTokenizer
import Testing

@testable import IsterServer

/// What the model's own template does with a request.
@Suite struct TemplateTests {
    private let body = "{\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

    private func answer(_ template: String, more: String = "") async throws -> TestServer.Answer {
        try await TestServer(FakeGenerator(contextLength: 1000), template: template)
            .post("/v1/chat/completions", body + more + "}")
    }

    @Test func `a template that refuses the messages is the client's error, with its words`() async throws {
        let answer = try await answer("{{ raise_exception('roles must\\nalternate') }}")
        #expect(answer.status == 400)
        #expect(answer.error("code") == "template_error")
        #expect(answer.error("param") == "messages")
        #expect(answer.error("message")?.text?.contains("roles must\u{FFFD}alternate") == true)
    }

    @Test(arguments: [
        "{{ messages[0].nothing.more }}", "{{ 1 + 'a' }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    ])
    func `a template that fails is an error of one request`(template: String) async throws {
        let answer = try await answer(template)
        #expect(answer.status == 400)
        #expect(answer.error("code") == "template_error")
    }

    @Test func `a prompt of more text than the context can hold is too long`() async throws {
        let answer = try await answer("{% for a in range(9999) %}{{ 'x' * 999 }}{% endfor %}")
        #expect(answer.status == 400)
        #expect(answer.error("code") == "context_length_exceeded")
    }

    @Test func `a template that cannot be read is found at the start`() {
        #expect(throws: ChatTemplateError.self) { try TestServer(FakeGenerator(), template: "{% if %}") }
    }

    @Test(arguments: [(",\"chat_template_kwargs\":{\"enable_thinking\":false}", "off"), ("", "on")])
    func `known variables reach the template`(more: String, text: String) async throws {
        let template = "{% if enable_thinking is defined and not enable_thinking %}off{% else %}on{% endif %}"
        let server = try TestServer(FakeGenerator(), template: template)
        let answer = try await server.post(
            "/apply-template", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]\(more)}")
        #expect(answer.json["prompt"] == .string(text))
    }

    @Test func `unknown variables are refused, also leniently`() async throws {
        var options = APIOptions()
        options.isLenient = true
        let server = try TestServer(FakeGenerator(), options: options)
        let answer = try await server.post(
            "/v1/chat/completions", body + ",\"chat_template_kwargs\":{\"messages\":[]}}")
        #expect(answer.status == 400)
        #expect(answer.error("param") == "chat_template_kwargs.messages")
    }

    @Test func `tools, calls and the clock can be read by a template`() async throws {
        let template = """
            {{ bos_token }}{{ eos_token }}{% for t in tools %}{{ t.function.name }}{% endfor %}\
            {% for m in messages %}{% for c in m.tool_calls %}{{ c.function.arguments.x }}{% endfor %}{% endfor %}\
            {{ strftime_now('%Y') | length }}
            """
        let server = try TestServer(FakeGenerator(), template: template)
        let answer = try await server.post(
            "/apply-template",
            """
            {"tools":[{"type":"function","function":{"name":"get"}}],"messages":[{"role":"assistant","content":null,
            "tool_calls":[{"function":{"name":"get","arguments":"{\\"x\\":7}"}}]}]}
            """)
        #expect(answer.json["prompt"] == "<|im_start|><|im_end|>get74", "\(answer.text)")
    }
}
