import CoreMetrics
import Foundation
import Hummingbird
import NIOCore
import Testing

@testable import IsterServer

/// Whole answers that take their readers long.
@Suite(.timeLimit(.minutes(1))) struct SlowAnswerTests {
    enum Ending: CaseIterable {
        /// The client asks for it.
        case close
        /// Some time after the answer.
        case idle
        /// The server stops.
        case drain
        /// The client begins another request and does not end it.
        case refusal
    }

    /// Whatever would end the connection while the answer is on its way takes far less than the answer.
    @Test(arguments: Ending.allCases)
    func `an answer reaches a reader that is slow but steady to its last byte`(ending: Ending) async throws {
        let byteCount = 3 << 20
        var options = ServerOptions()
        options.limits.lingerSeconds = 0.1
        options.limits.idleSeconds = 0.4
        options.limits.headerSeconds = 0.4
        try await TestService.run(options) { _, router in
            router.get("large") { _, _ in Response(json: ByteBuffer(repeating: 0x61, count: byteCount)) }
        } _: { service in
            let received = try await RawClient.onThread {
                let client = try RawClient(port: service.port, seconds: 20, receiveBuffer: 64 << 10)
                let field = ending == .close ? "Connection: close\r\n" : ""
                client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\(field)\r\n")
                var received = 0
                while let bytes = client.read(16 << 10) {
                    if received == 0, ending == .drain { service.application.drain() }
                    if received == 0, ending == .refusal { client.send("GET") }
                    received += bytes.count
                    usleep(6000)
                }
                return received
            }
            #expect(received > byteCount)
        }
    }

    /// Far more than the kernel takes from a server whose client does not read.
    private static let answerBytes = 12 << 20

    /// Runs a server with a large answer at /large and a small one at /small, whose gate the test looks into.
    private func run(_ test: (API, TestService) async throws -> Void) async throws {
        let api = try API(
            model: TestModel.served(), generator: FakeGenerator(), options: APIOptions(),
            metrics: NOOPMetricsHandler.instance, preparation: PreparationPool(threadCount: 1))
        try await TestService.run { _, router in
            for (path, count) in [("large", Self.answerBytes), ("small", 100)] {
                router.get(RouterPath(path)) { _, context in
                    try api.response(context, json: ByteBuffer(repeating: 0x20, count: count))
                }
            }
        } _: { service in
            try await test(api, service)
        }
    }

    private func ask(_ service: TestService, _ path: String) throws -> RawClient {
        let client = try RawClient(port: service.port, seconds: 20, receiveBuffer: 64 << 10)
        client.send("GET /\(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return client
    }

    @Test(arguments: [true, false])
    func `a large answer counts as its client's until it was read or the client left`(isRead: Bool) async throws {
        try await run { api, service in
            try await RawClient.onThread {
                let client = try ask(service, "large")
                var counted = 0
                for _ in 0..<1500 where counted == 0 {
                    usleep(10_000)
                    counted = api.gate.use.answerBytes
                }
                #expect(counted == Self.answerBytes)
                usleep(100_000)
                #expect(api.gate.use.answerBytes == Self.answerBytes)
                if isRead { #expect(Answer(client.readToEnd()).body.utf8.count == Self.answerBytes) }
            }
            try await eventually { api.gate.use == (0, 0, 0, 0) }
        }
    }

    @Test func `a large answer beyond what its client may have is refused, a small one is not`() async throws {
        try await run { api, service in
            func answer(_ path: String) async throws -> Answer {
                Answer(try await RawClient.onThread { try ask(service, path).readToEnd() })
            }
            try api.gate.hold(answerBytes: 63 << 20, for: "127.0.0.1")
            let refused = try await answer("large")
            #expect(refused.status == 429)
            #expect(refused.code == "rate_limit_exceeded")
            #expect(try await answer("small").status == 200)
            for client in ["b", "c"] { try api.gate.hold(answerBytes: 32 << 20, for: client) }
            let full = try await answer("large")
            #expect(full.status == 503)
            #expect(full.code == "server_is_overloaded")
        }
    }
}
