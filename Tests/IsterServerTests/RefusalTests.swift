import Foundation
import HTTPTypes
import IsterGenerator
import Synchronization
import Testing

@testable import IsterServer

/// What the generator refuses or breaks off, and how it is told.
@Suite struct RefusalTests {
    private static let body = "{\"model\":\"tiny\",\"prompt\":\"a\"}"
    private static let streamBody = "{\"model\":\"tiny\",\"prompt\":\"a\",\"stream\":true}"

    static let refusals: [(GenerationError, Int, String, String?)] = [
        (.queueFull(waiting: 64, retryAfter: 2.5), 503, "server_is_overloaded", "3"),
        (.queueFull(waiting: 64, retryAfter: 1e9), 503, "server_is_overloaded", "60"),
        (.queueFull(waiting: 64, retryAfter: 0), 503, "server_is_overloaded", "1"),
        (.queueFull(waiting: 64, retryAfter: .nan), 503, "server_is_overloaded", "60"),
        (.clientLimit(client: "a", count: 8, retryAfter: 4), 429, "rate_limit_exceeded", "4"),
        (.stopping, 503, "server_is_overloaded", "5"),
        (.waitedTooLong(seconds: 60), 503, "server_is_overloaded", "10"),
        (.promptTooLong(tokens: 65, contextLength: 64), 400, "context_length_exceeded", nil),
        (.tokenOutOfRange(id: 9, index: 0, vocabularySize: 5), 400, "invalid_value", nil),
        (.emptyPrompt, 400, "empty_prompt", nil),
        (.modelDamaged, 503, "model_damaged", "5"),
    ]

    @Test(arguments: refusals, [false, true])
    func `a refusal has its status, also of a stream`(
        refusal: (error: GenerationError, status: Int, code: String, retryAfter: String?), stream: Bool
    ) async throws {
        let generator = FakeGenerator { _, _ in [.refuse(refusal.error)] }
        let answer = try await TestServer(generator).post("/v1/completions", stream ? Self.streamBody : Self.body)
        #expect(answer.status == refusal.status)
        #expect(answer.error("code") == .string(refusal.code))
        #expect(answer.headers[.contentType] == "application/json")
        #expect(answer.headers[.retryAfter] == refusal.retryAfter)
        #expect((answer.headers[.retryAfterMilliseconds] == nil) == (refusal.retryAfter == nil))
    }

    @Test func `one refused choice ends the others`() async throws {
        let generator = FakeGenerator { _, number in
            number == 1 ? [.refuse(.queueFull(waiting: 1, retryAfter: 1))] : [.hang]
        }
        let body = "{\"model\":\"tiny\",\"prompt\":\"a\",\"n\":2}"
        #expect(try await TestServer(generator).post("/v1/completions", body).status == 503)
        try await eventually { generator.cancelledCount == 1 || generator.requests.count == 1 }
    }

    @Test func `an error after the first event is the last event, without DONE`() async throws {
        let generator = FakeGenerator { _, _ in [.token(97), .pause(0.05), .fail(.modelDamaged)] }
        let answer = try await TestServer(generator).post("/v1/completions", Self.streamBody)
        #expect(answer.status == 200)
        #expect(answer.chunks.first?["choices"]?[0]?["text"] == "a")
        #expect(answer.chunks.last?["error"]?.keys == ["message", "type", "param", "code"])
        #expect(answer.chunks.last?["error"]?["code"] == "model_damaged")
        #expect(!answer.text.contains("[DONE]"))
    }

    static let cuts: [(FinishReason, Int, String)] = [
        (.deadline, 504, "deadline_exceeded"), (.cancelled, 503, "server_is_overloaded"),
    ]

    @Test(arguments: cuts) func `an answer that was cut off is an error`(
        cut: (reason: FinishReason, status: Int, code: String)
    ) async throws {
        let generator = FakeGenerator { _, _ in [.token(97), .finish(cut.reason)] }
        let server = try TestServer(generator)
        let whole = try await server.post("/v1/completions", Self.body)
        #expect(whole.status == cut.status)
        #expect(whole.error("code") == .string(cut.code))
        #expect(whole.headers[.shouldRetry] == (cut.reason == .deadline ? "false" : nil))
        let stream = try await server.post("/v1/completions", Self.streamBody)
        #expect(stream.chunks.last?["error"]?["code"] == .string(cut.code))
        #expect(!stream.text.contains("[DONE]"))
    }

    /// The answer waits for two pings to be seen, however late a busy machine sends them.
    @Test func `a silent stream is pinged`() async throws {
        let isSeen = Mutex(false)
        let generator = FakeGenerator { _, _ in
            [.until { isSeen.withLock(\.self) }, .token(97), .token(TestModel.end)]
        }
        try await TestService.run(generator: generator) { observed, router in
            var options = APIOptions()
            options.pingSeconds = 0.02
            let routes = try? APIRoutes(model: TestModel.served(), generator: observed, options: options)
            routes?.add(to: router)
        } _: { service in
            let text = try await RawClient.onThread {
                let client = try RawClient(port: service.port, seconds: 60)
                client.send(
                    "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Connection: close\r\nContent-Length: \(Self.streamBody.utf8.count)\r\n\r\n"
                        + Self.streamBody)
                var text = client.read(until: ": ping\n\n")
                text += client.read(until: ": ping\n\n")
                isSeen.withLock { $0 = true }
                return text + client.readToEnd()
            }
            #expect(text.components(separatedBy: ": ping\n\n").count > 2)
            #expect(!text.components(separatedBy: ": ping\n\n")[0].contains("data: "))
            #expect(text.contains("data: [DONE]\n\n"))
        }
    }

    @Test func `text that was held back comes with the finish`() async throws {
        let generator = FakeGenerator { _, _ in [.token(97), .token(0xE2)] }
        let server = try TestServer(generator)
        let stream = try await server.post("/v1/completions", Self.streamBody)
        #expect(stream.chunks.compactMap { $0["choices"]?[0]?["text"]?.text }.joined() == "a\u{FFFD}")
        let chat = try await server.post(
            "/v1/chat/completions",
            "{\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"stream\":true}")
        #expect(chat.chunks.compactMap { $0["choices"]?[0]?["delta"]?["content"]?.text }.joined() == "a\u{FFFD}")
    }
}

/// Waits until it is so, at most a few seconds.
func eventually(_ isSo: () -> Bool) async throws {
    for _ in 0..<500 {
        if isSo() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("it did not come to pass in time")
}
