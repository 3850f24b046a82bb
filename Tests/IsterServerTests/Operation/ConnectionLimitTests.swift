import Foundation
@testable import IsterServer
import Testing

/// Over real sockets, with times that are short enough for a test.
struct ConnectionLimitTests {
    /// Seconds: below the usual limits of headers, bodies and idle connections, and so far above this test's that a
    /// machine that is busy with hundreds of other tests stays below.
    private static let soon = 8.0

    private var options: ServerOptions {
        var options = ServerOptions()
        options.limits = TestService.shortLimits
        return options
    }

    private func timed(_ work: () async throws -> String) async throws -> (text: String, seconds: Double) {
        let start = ContinuousClock.now
        let text = try await work()
        return (text, start.duration(to: .now) / .seconds(1))
    }

    @Test func `headers that never end get 408 at the deadline`() async throws {
        try await TestService.run(options) { service in
            let (text, seconds) = try await timed {
                try await RawClient.onThread {
                    let client = try RawClient(port: service.port)
                    client.send("GET /health HTTP/1.1\r\n")
                    // Bytes keep coming; that does not buy time.
                    for index in 0..<4 {
                        usleep(80_000)
                        client.send("X-\(index): y\r\n")
                    }
                    return client.readToEnd()
                }
            }
            let answer = Answer(text)
            #expect(answer.status == 408)
            #expect(answer.code == "request_timeout")
            #expect(answer.headers["x-request-id"]?.isEmpty == false)
            #expect(answer.headers["connection"] == "close")
            #expect((0.35..<Self.soon).contains(seconds))
        }
    }

    @Test func `a dripped body gets 408`() async throws {
        try await TestService.run(options) { service in
            let (text, seconds) = try await timed {
                try await RawClient.onThread {
                    let client = try RawClient(port: service.port)
                    client.send(
                        head("POST /v1/completions", ["Content-Length: 5000", "Content-Type: application/json"]))
                    for _ in 0..<4 {
                        client.send("x")
                        usleep(80_000)
                    }
                    return client.readToEnd()
                }
            }
            #expect(Answer(text).status == 408)
            #expect(seconds < Self.soon)
        }
    }

    @Test func `a silent connection and a kept one are closed without a word`() async throws {
        try await TestService.run(options) { service in
            let silent = try await timed { try await service.exchange("") }
            #expect(silent.text.isEmpty)
            #expect(silent.seconds < Self.soon)
            let kept = try await timed { try await service.exchange(head("GET /health")) }
            #expect(kept.text.hasSuffix(#"{"status":"ok"}"#))
            #expect((0.3..<Self.soon).contains(kept.seconds))
        }
    }

    @Test func `one connection serves request after request`() async throws {
        try await TestService.run(options) { service in
            let text = try await service.exchange(head("GET /health") + head("GET /livez") + head("GET /readyz"))
            #expect(text.components(separatedBy: "HTTP/1.1 200 OK").count == 4)
        }
    }

    @Test func `a reader that stops reading is closed after the stall`() async throws {
        try await TestService.run(options) { service in
            try await RawClient.onThread {
                let client = try RawClient(port: service.port, receiveBuffer: 4096)
                client.send(head("GET /endless"))
                _ = client.read(1000)
                var closed = false
                // The route writes 256 MiB; only the stall ends it.
                let start = ContinuousClock.now
                while !closed, start.duration(to: .now) < .seconds(Self.soon) {
                    usleep(10_000)
                    closed = service.application.connectionCount == 0
                }
                #expect(closed)
            }
        }
    }

    @Test(arguments: [(99, 200), (100, 431)]) func `100 header fields are the most`(count: Int, status: Int)
        async throws
    {
        try await TestService.run(options) { service in
            // Host is one more.
            let fields = (0..<count).map { "X-\($0): y" }
            let text = try await service.exchange(head("GET /health", fields))
            #expect(Answer(text).status == status)
        }
    }

    @Test(arguments: [(0, 200), (1, 431)]) func `32 KiB of headers are the most`(excess: Int, status: Int) async throws
    {
        try await TestService.run(options) { service in
            let target = "/health"
            let known = target.utf8.count + "Host".utf8.count + "localhost".utf8.count + "X-Long".utf8.count
            let value = String(repeating: "y", count: (32 << 10) - known + excess)
            let text = try await service.exchange(head("GET \(target)", ["X-Long: \(value)"], host: "localhost"))
            #expect(Answer(text).status == status)
        }
    }

    @Test(arguments: [(4096, 404), (4097, 414)]) func `4 KiB of URI are the most`(length: Int, status: Int) async throws
    {
        try await TestService.run(options) { service in
            let path = "/" + String(repeating: "u", count: length - 1)
            let answer = Answer(try await service.exchange(head("GET \(path)")))
            #expect(answer.status == status)
            #expect(answer.code == (status == 414 ? "uri_too_long" : "unknown_url"))
        }
    }

    @Test func `100,000 tiny headers end at the limit`() async throws {
        try await TestService.run(options) { service in
            let text = try await RawClient.onThread {
                let client = try RawClient(port: service.port)
                client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n")
                let some = String(repeating: "a:b\r\n", count: 1000)
                for _ in 0..<100 where !client.send(some) { break }
                return client.readToEnd()
            }
            #expect(Answer(text).status == 431)
        }
    }

    @Test(arguments: [0, 1], [true, false])
    func `a body of exactly the limit is taken and a byte more is refused`(excess: Int, chunked: Bool) async throws {
        var options = options
        options.limits.bodyBytes = 100_000
        try await TestService.run(options) { service in
            let body = String(repeating: "b", count: 100_000 + excess)
            let size = String(body.utf8.count, radix: 16)
            let framing = chunked ? "Transfer-Encoding: chunked" : "Content-Length: \(body.utf8.count)"
            let payload = chunked ? "\(size)\r\n\(body)\r\n0\r\n\r\n" : body
            let text = try await service.exchange(
                head("POST /v1/completions", [framing, "Content-Type: application/json", "Connection: close"]) + payload
            )
            let answer = Answer(text)
            #expect(answer.status == (excess == 0 ? 200 : 413))
            if excess > 0 { #expect(answer.code == "request_too_large") }
        }
    }

    @Test(arguments: [
        "GARBAGE\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n",
    ])
    func `what is no HTTP gets 400`(text: String) async throws {
        try await TestService.run(options) { service in
            let answer = Answer(try await service.exchange(text))
            #expect(answer.status == 400)
            #expect(answer.code == "invalid_http")
        }
    }

    @Test(arguments: ["4611686018427387904", "9223372036854775807", "9223372036854775808", "18446744073709551615"])
    func `a length that no body can have is refused at once`(length: String) async throws {
        try await TestService.run(options) { service in
            let text = try await RawClient.onThread {
                let client = try RawClient(port: service.port)
                client.send(
                    head("POST /v1/completions", ["Content-Length: \(length)", "Content-Type: application/json"]))
                return client.readToEnd()
            }
            #expect(Answer(text).status == 413)
        }
    }

    @Test func `connections of one address beyond its limit get 503`() async throws {
        // With the usual time limits: on a busy machine the held connections would be closed before the third comes.
        var options = ServerOptions()
        options.limits.perAddressCount = 2
        try await TestService.run(options) { service in
            let held = try await RawClient.onThread {
                let clients = [try RawClient(port: service.port), try RawClient(port: service.port)]
                for client in clients {
                    client.send(head("GET /health"))
                    _ = client.read()
                }
                let answer = try RawClient(port: service.port)
                answer.send(head("GET /health"))
                let text = answer.readToEnd()
                return withExtendedLifetime(clients) { text }
            }
            let answer = Answer(held)
            #expect(answer.status == 503)
            #expect(answer.headers["retry-after"] == "1")
            #expect(answer.headers["retry-after-ms"] == "1000")
        }
    }

    @Test func `an answer that comes before its body ends the connection`() async throws {
        var options = ServerOptions()
        options.limits.lingerSeconds = 0.2
        try await TestService.run(options) { service in
            let (text, seconds) = try await timed {
                try await service.exchange(
                    head("POST /v1/completions", ["Content-Length: 1000", "Content-Type: text/plain"]))
            }
            #expect(seconds < Self.soon)
            #expect(Answer(text).status == 415)
            #expect(Answer(text).headers["connection"] == "close")
        }
    }

    /// With the usual time limits: on a busy machine short ones could come before the client's end.
    @Test func `a client that leaves in the middle of a request is no error of the server's`() async throws {
        try await TestService.run(ServerOptions()) { service in
            try await RawClient.onThread {
                let request = head(
                    "POST /v1/completions", ["Content-Length: 50", "Content-Type: application/json"])
                for text in ["GET /he", request, request + "half a body"] {
                    for resets in [false, true] {
                        let client = try RawClient(port: service.port)
                        client.send(text)
                        usleep(30_000)
                        if resets { client.reset() }
                    }
                }
            }
            try await eventually { service.application.connectionCount == 0 }
            #expect(!service.log.all.contains { $0.contains("\"status\":500") || $0.contains("internal error") })
            let metrics = try await service.request("GET", "/metrics").body
            #expect(!metrics.contains("ister_http_refused_total"))
        }
    }

    @Test func `a client that asks first is told to go on`() async throws {
        let body = #"{"content":"a"}"#
        try await TestService.run(routes: apiRoutes()) { service in
            let text = try await RawClient.onThread {
                let client = try RawClient(port: service.port)
                client.send(
                    head(
                        "POST /tokenize",
                        [
                            "Expect: 100-continue", "Content-Length: \(body.utf8.count)",
                            "Content-Type: application/json", "Connection: close",
                        ]))
                guard client.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 100") else { return "" }
                client.send(body)
                return client.readToEnd()
            }
            #expect(Answer(text).status == 200)
        }
    }
}

private func head(_ line: String, _ fields: [String] = [], host: String = "localhost") -> String {
    (["\(line) HTTP/1.1", "Host: \(host)"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
}
