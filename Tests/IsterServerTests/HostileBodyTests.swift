import IsterGenerator
import Testing

@testable import IsterServer

@Suite struct HostileBodyTests {
    private let path = "/v1/chat/completions"

    private func messages(_ list: String) -> String { "{\"model\":\"tiny\",\"messages\":[\(list)]}" }

    @Test(arguments: ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/tokenize", "/detokenize"])
    func `what is no JSON object is refused`(path: String) async throws {
        let server = try TestServer(FakeGenerator())
        let deep = String(repeating: "[", count: 100_000)
        let bodies = [
            "", "{", "[]", "1", "null", deep, "{\"a\":" + deep, "{\"model\":1,\"model\":2}", "{\"a\":\"\\ud800\"}",
        ]
        for body in bodies.map({ Array($0.utf8) }) + [[0xFF, 0xFE], Array("{\"a\":\"".utf8) + [0xC3, 0x22, 0x7D]] {
            let answer = try await server.post(path, body)
            #expect(answer.status == 400)
            #expect(answer.error("code") == "invalid_json")
            #expect(answer.error("type") == "invalid_request_error")
        }
    }

    @Test func `the JSON texts in a request have one budget of values with it`() async throws {
        let server = try TestServer(FakeGenerator(contextLength: 1 << 20))
        let values = Array(repeating: "0", count: JSONReader.valueLimit / 2).joined(separator: ",")
        let call = "{\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":[\(values)]}\"}}"
        for (count, status) in [(1, 200), (2, 400)] {
            let calls = Array(repeating: call, count: count).joined(separator: ",")
            let answer = try await server.post(path, messages("{\"role\":\"assistant\",\"tool_calls\":[\(calls)]}"))
            #expect(answer.status == status)
            if status == 400 {
                #expect(answer.error("param") == "messages[0].tool_calls[1].function.arguments")
                #expect(answer.error("message")?.text?.contains("values") == true)
            }
        }
    }

    @Test func `a body is taken at its limit and refused beyond`() async throws {
        var options = APIOptions()
        options.bodyByteLimit = 200
        let server = try TestServer(FakeGenerator(), options: options)
        let body = messages("{\"role\":\"user\",\"content\":\"a\"}")
        let full = body + String(repeating: " ", count: 200 - body.utf8.count)
        #expect(try await server.post(path, full).status == 200)
        let answer = try await server.post(path, full + " ")
        #expect(answer.status == 413)
        #expect(answer.error("code") == "request_too_large")
    }

    @Test func `2,048 messages are taken, more are not`() async throws {
        let server = try TestServer(FakeGenerator(contextLength: 100_000))
        func many(_ count: Int) -> String {
            messages(Array(repeating: "{\"role\":\"user\",\"content\":\"\"}", count: count).joined(separator: ","))
        }
        #expect(try await server.post(path, many(2048)).status == 200)
        for count in [2049, 100_000] {
            let answer = try await server.post(path, many(count))
            #expect(answer.status == 400)
            #expect(answer.error("code") == "array_above_max_length")
            #expect(answer.error("param") == "messages")
        }
    }

    static let badMessages: [(String, String)] = [
        ("1", "messages[0]"), ("{}", "messages[0].role"), ("{\"role\":1}", "messages[0].role"),
        ("{\"role\":\"root\",\"content\":\"a\"}", "messages[0].role"), ("{\"role\":\"user\"}", "messages[0].content"),
        ("{\"role\":\"user\",\"content\":null}", "messages[0].content"),
        ("{\"role\":\"user\",\"content\":1}", "messages[0].content"),
        ("{\"role\":\"user\",\"content\":[1]}", "messages[0].content[0]"),
        ("{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}", "messages[0].content[0].text"),
        ("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":1}]}", "messages[0].content[0].text"),
        (
            "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"http://x\"}}]}",
            "messages[0].content[0].type"
        ),
        ("{\"role\":\"assistant\"}", "messages[0].content"),
        ("{\"role\":\"assistant\",\"content\":\"a\",\"function_call\":{}}", "messages[0].function_call"),
        ("{\"role\":\"assistant\",\"tool_calls\":[1]}", "messages[0].tool_calls[0]"),
        ("{\"role\":\"assistant\",\"tool_calls\":[{}]}", "messages[0].tool_calls[0].function"),
        (
            "{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"[\"}}]}",
            "messages[0].tool_calls[0].function.arguments"
        ),
        ("{\"role\":\"tool\",\"content\":\"a\"}", "messages[0].tool_call_id"),
        ("{\"role\":\"user\",\"content\":\"a\",\"x\":1}", "messages[0].x"), ("", "messages"),
    ]

    @Test(arguments: badMessages) func `a wrong message is named by its path`(list: String, path: String) async throws {
        let answer = try await TestServer(FakeGenerator()).post(self.path, messages(list))
        #expect(answer.status == 400)
        #expect(answer.error("param") == .string(path), "\(answer.text)")
    }

    @Test func `control characters of a client do not come back`() async throws {
        let answer = try await TestServer(FakeGenerator()).post(path, "{\"a\\u001b[31m\\n\":1}")
        #expect(answer.status == 400)
        #expect(answer.error("param")?.text?.unicodeScalars.allSatisfy { $0.value >= 0x20 } == true)
    }

    @Test func `another model is not found, whatever its name`() async throws {
        let server = try TestServer(FakeGenerator())
        for name in ["gpt-4", "../tiny", "", String(repeating: "x", count: 200)] {
            let body = "{\"model\":\"\(name)\",\"prompt\":\"a\"}"
            let answer = try await server.post("/v1/completions", body)
            #expect(answer.status == 404)
            #expect(answer.error("code") == "model_not_found")
        }
    }
}
