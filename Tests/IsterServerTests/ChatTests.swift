import HTTPTypes
import IsterGenerator
import Testing

@testable import IsterServer

@Suite struct ChatTests {
    private let path = "/v1/chat/completions"

    private func body(_ more: String = "", content: String = "\"hi\"") -> String {
        "{\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\(content)}]\(more.isEmpty ? "" : "," + more)}"
    }

    @Test func `an answer has OpenAI's shape`() async throws {
        let generator = FakeGenerator()
        let answer = try await TestServer(generator).post(path, body())
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "application/json")
        #expect(
            answer.json.keys == [
                "id", "object", "created", "model", "system_fingerprint", "choices", "usage", "timings",
            ])
        #expect(answer.json["id"]?.text?.hasPrefix("chatcmpl-") == true)
        #expect(answer.json["object"] == "chat.completion")
        #expect(
            answer.json["choices"] == [
                [
                    "index": 0, "message": ["role": "assistant", "content": "hello", "refusal": nil], "logprobs": nil,
                    "finish_reason": "stop",
                ]
            ])
        let count = generator.requests[0].prompt.count
        #expect(
            answer.json["usage"] == [
                "prompt_tokens": .integer(count), "completion_tokens": 2, "total_tokens": .integer(count + 2),
                "prompt_tokens_details": ["cached_tokens": 2],
            ])
        #expect(
            answer.json["timings"]?.keys == [
                "cache_n", "prompt_n", "prompt_ms", "prompt_per_token_ms", "prompt_per_second", "predicted_n",
                "predicted_ms", "predicted_per_token_ms", "predicted_per_second",
            ])
    }

    @Test func `the template's tokens control, a client's text does not`() async throws {
        let generator = FakeGenerator()
        _ = try await TestServer(generator).post(path, body(content: "\"<|im_end|>\""))
        let prompt = generator.requests[0].prompt
        #expect(prompt.first == TestModel.start)
        #expect(prompt.count { $0 == TestModel.end } == 1)
        #expect(prompt.count { $0 == TestModel.start } == 2)
    }

    @Test func `a stream is role, content, finish and DONE`() async throws {
        let answer = try await TestServer(FakeGenerator()).post(path, body("\"stream\":true"))
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "text/event-stream")
        #expect(answer.headers[.cacheControl] == "no-cache")
        #expect(answer.text.hasSuffix("data: [DONE]\n\n"))
        let chunks = answer.chunks
        #expect(
            chunks.map { $0["choices"]?[0]?["delta"] } == [
                ["role": "assistant", "content": ""], ["content": "hello"], [:],
            ])
        #expect(chunks.map { $0["choices"]?[0]?["finish_reason"] } == [.null, .null, "stop"] as [JSONValue?])
        #expect(chunks.allSatisfy { $0["object"] == "chat.completion.chunk" && $0["usage"] == nil })
        #expect(Set(chunks.map { $0["id"]?.text }).count == 1)
        #expect(chunks.last?["timings"] != nil)
    }

    @Test func `usage comes in a last chunk and is null in the others`() async throws {
        let answer = try await TestServer(FakeGenerator()).post(
            path, body("\"stream\":true,\"stream_options\":{\"include_usage\":true}"))
        let chunks = answer.chunks
        #expect(chunks.dropLast().allSatisfy { $0["usage"] == JSONValue.null })
        #expect(chunks.last?["choices"] == [])
        #expect(chunks.last?["usage"]?["completion_tokens"] == 2)
        #expect(chunks.last?["usage"]?["prompt_tokens_details"]?["cached_tokens"] == 2)
    }

    @Test(arguments: [false, true])
    func `logprobs are told for each token, with bytes also of half characters`(stream: Bool) async throws {
        let generator = FakeGenerator { _, _ in [.token(0xE2), .token(0x82), .token(0xAC), .token(TestModel.end)] }
        let answer = try await TestServer(generator).post(
            path, body("\"logprobs\":true,\"top_logprobs\":2,\"stream\":\(stream)"))
        #expect(generator.requests[0].logprobCount == 2)
        let items: [JSONValue]
        if stream {
            items = answer.chunks.compactMap { $0["choices"]?[0]?["logprobs"]?["content"] }.flatMap(array)
            #expect(answer.chunks.compactMap { $0["choices"]?[0]?["delta"]?["content"]?.text }.joined() == "€")
        } else {
            items = array(answer.json["choices"]?[0]?["logprobs"]?["content"])
            #expect(answer.json["choices"]?[0]?["message"]?["content"] == "€")
        }
        #expect(items.count == 4)
        #expect(items.first?["token"] == "bytes:\\xe2")
        #expect(items.first?["bytes"] == [0xE2])
        #expect(items.last?["token"] == "<|im_end|>")
        #expect(items.first?["logprob"]?.double == -0.25)
        #expect(array(items.first?["top_logprobs"]).map { $0["logprob"]?.double } == [-0.25, -0.5])
    }

    private func array(_ value: JSONValue?) -> [JSONValue] {
        guard case .array(let values)? = value else { return [] }
        return values
    }

    @Test(arguments: [false, true])
    func `choices run with seeds that follow each other`(stream: Bool) async throws {
        let generator = FakeGenerator()
        let answer = try await TestServer(generator).post(path, body("\"n\":3,\"seed\":-1,\"stream\":\(stream)"))
        let seeds = generator.requests.map { request -> UInt64? in
            guard case .random(_, let seed, _) = request.sampling else { return nil }
            return seed
        }
        #expect(Set(seeds) == [UInt64.max, 0, 1])
        if stream {
            let indices = answer.chunks.map { $0["choices"]?[0]?["index"] }
            #expect(indices.count { $0 == 2 } == 3)
        } else {
            #expect(answer.json["choices"]?[2]?["index"] == 2)
            #expect(answer.json["usage"]?["completion_tokens"] == 6)
            #expect(answer.json["usage"]?["prompt_tokens"] == .integer(generator.requests[0].prompt.count))
        }
    }

    @Test func `parts are lines, a developer is the system to older templates`() async throws {
        let server = try TestServer(FakeGenerator(contextLength: 1000))
        let messages = """
            [{"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
            {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":
            {"name":"f","arguments":"{\\"x\\":1}"}}]},
            {"role":"tool","tool_call_id":"c1","content":"4","name":"f"}]
            """
        let answer = try await server.post("/apply-template", "{\"messages\":\(messages)}")
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.json["prompt"]?.text?.hasPrefix("<|im_start|>system\na\nb<|im_end|>\n") == true)
    }

    @Test func `a model without a template refuses chat`() async throws {
        let answer = try await TestServer(FakeGenerator(), template: nil).post(path, body())
        #expect(answer.status == 400)
        #expect(answer.error("code") == "no_chat_template")
    }

    @Test func `a prompt beyond the context is refused, never cut`() async throws {
        let generator = FakeGenerator(contextLength: 64)
        let server = try TestServer(generator)
        for content in [String(repeating: "x", count: 65), String(repeating: "x", count: 100_000)] {
            let answer = try await server.post(path, body(content: "\"\(content)\""))
            #expect(answer.status == 400)
            #expect(answer.error("code") == "context_length_exceeded")
            #expect(answer.error("param") == "messages")
        }
        #expect(generator.requests.isEmpty)
    }

    @Test func `the number of new tokens is what the context has room for`() async throws {
        let generator = FakeGenerator(contextLength: 64)
        let server = try TestServer(generator)
        _ = try await server.post(path, body())
        let room = 64 - generator.requests[0].prompt.count
        #expect(generator.requests[0].maximumNewTokens == room)
        for name in ["max_tokens", "max_completion_tokens"] {
            #expect(try await server.post(path, body("\"\(name)\":\(room)")).status == 200)
            let answer = try await server.post(path, body("\"\(name)\":\(room + 1)"))
            #expect(answer.status == 400)
            #expect(answer.error("param") == .string(name))
            #expect(answer.error("code") == "invalid_value")
        }
    }
}
