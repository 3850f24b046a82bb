import Foundation
import IsterGenerator
@testable import IsterServer
import Testing

/// Requests that get their answers in another form: heads alone, and what HTTP/1.0 can read.
@Suite(.timeLimit(.minutes(1))) struct HTTPFormTests {
    /// Far below the time after which an idle connection is closed.
    private static let soon = Duration.seconds(8)

    @Test(arguments: ["/nothing", "/v1/completions", "/"])
    func `a refused HEAD has no body, so that the next answer begins where it ends`(path: String) async throws {
        try await TestService.run { service in
            let text = try await service.exchange(
                "HEAD \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    + "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            let parts = text.components(separatedBy: "\r\n\r\n")
            try #require(parts.count == 3)
            let refusal = Answer(parts[0])
            #expect(refusal.status == (path == "/v1/completions" ? 405 : 404))
            #expect(refusal.headers["content-type"] == "application/json")
            #expect(parts[1].hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(parts[2] == #"{"status":"ok"}"#)
        }
    }

    @Test func `a HEAD that breaks a limit is refused without a body`() async throws {
        try await TestService.run { service in
            let path = "/" + String(repeating: "u", count: 4096)
            let answer = Answer(try await service.exchange("HEAD \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            #expect(answer.status == 414)
            #expect(answer.body.isEmpty)
        }
    }

    /// A second request follows, which HTTP/1.0 without kept connections cannot have meant.
    @Test(arguments: ["", "Connection: keep-alive\r\n"])
    func `a client of HTTP/1.0 gets a stream without chunks and then the connection's end`(field: String) async throws {
        try await TestService.run(routes: apiRoutes()) { service in
            let body = #"{"model":"tiny","prompt":"a","stream":true}"#
            let start = ContinuousClock.now
            let text = try await service.exchange(
                "POST /v1/completions HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n\(field)"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
                    + "GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
            #expect(start.duration(to: .now) < Self.soon)
            let answer = Answer(text)
            #expect(text.hasPrefix("HTTP/1.0 200 OK\r\n"))
            #expect(answer.headers["transfer-encoding"] == nil)
            #expect(answer.headers["connection"] == "close")
            #expect(answer.body.hasPrefix("data: {"))
            #expect(answer.body.hasSuffix("data: [DONE]\n\n"))
        }
    }

    @Test func `each answer has the version of its request`() async throws {
        try await TestService.run { service in
            let text = try await service.exchange(
                "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n")
            let parts = text.components(separatedBy: "\r\n\r\n")
            try #require(parts.count == 3)
            #expect(parts[0].hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(parts[1].hasPrefix(#"{"status":"ok"}HTTP/1.0 200 OK"#))
            #expect(parts[2] == #"{"status":"ok"}"#)
        }
    }

    @Test func `a client of HTTP/1.0 gets no interim answer`() async throws {
        let body = #"{"content":"a"}"#
        try await TestService.run(routes: apiRoutes()) { service in
            let text = try await RawClient.onThread {
                let client = try RawClient(port: service.port)
                client.send(
                    "POST /tokenize HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Expect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
                usleep(200_000)
                client.send(body)
                return client.readToEnd()
            }
            #expect(text.hasPrefix("HTTP/1.0 200 OK\r\n"))
        }
    }
}
