import Foundation
import IsterGenerator
@testable import IsterServer
import Synchronization
import Testing

struct DrainTests {
    private static let ask =
        #"{"model":"tiny","messages":[{"role":"user","content":"x"}],"stream":true,"max_tokens":20}"#

    private func run(
        drainSeconds: Double, delaySeconds: Double = 0, generator: any TextGenerator,
        _ body: (TestService) async throws -> Void
    ) async throws -> ServerApplication.DrainOutcome {
        var options = ServerOptions()
        options.limits.lingerSeconds = 0.3
        options.drainSeconds = drainSeconds
        options.drainDelaySeconds = delaySeconds
        var outcome = ServerApplication.DrainOutcome()
        var application: ServerApplication?
        try await TestService.run(options, generator: generator) { generator, router in
            if let routes = try? APIRoutes(model: TestModel.served(), generator: generator) { routes.add(to: router) }
        } _: { service in
            application = service.application
            try await body(service)
        }
        outcome = application?.outcome ?? outcome
        return outcome
    }

    private func stream(_ service: TestService) -> Task<Answer, any Error> {
        Task { try await service.post("/v1/chat/completions", body: Self.ask) }
    }

    /// Long enough for a machine on which all tests run at once.
    private func waitUntil(_ condition: () -> Bool) async throws {
        for _ in 0..<3000 where !condition() { try await Task.sleep(for: .milliseconds(10)) }
    }

    @Test func `streams that end in time end as usual, and new work is refused`() async throws {
        let generator = FakeGenerator { _, _ in [.token(104), .pause(3), .token(105), .token(TestModel.end)] }
        let outcome = try await run(drainSeconds: 20, generator: generator) { service in
            let running = stream(service)
            try await waitUntil { !generator.requests.isEmpty }
            // A connection that is open, but not busy, when the drain begins.
            let late = try await RawClient.onThread {
                let client = try RawClient(port: service.port)
                client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                _ = client.read()
                service.application.drain()
                client.send("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return Answer(client.readToEnd())
            }
            #expect(late.status == 503)
            #expect(late.headers["connection"] == "close")
            try await Task.sleep(for: .milliseconds(100))
            await #expect(throws: (any Error).self) { try await service.request("GET", "/health") }
            let answer = try await running.value
            #expect(answer.status == 200)
            #expect(answer.body.contains("data: [DONE]"))
            #expect(answer.headers["connection"] == "close" || answer.headers["connection"] == nil)
        }
        #expect(outcome == .init(drained: 1, cut: 0))
    }

    @Test func `streams that do not end in time get an error event and no DONE`() async throws {
        let generator = FakeGenerator { _, _ in [.token(104), .hang] }
        let outcome = try await run(drainSeconds: 0.2, generator: generator) { service in
            let running = [stream(service), stream(service)]
            try await waitUntil { generator.requests.count == 2 }
            try await Task.sleep(for: .milliseconds(50))
            service.application.drain()
            for answer in running {
                let body = try await answer.value.body
                #expect(body.contains("server_is_overloaded"))
                #expect(!body.contains("[DONE]"))
            }
        }
        #expect(outcome == .init(drained: 0, cut: 2))
    }

    @Test func `a damaged model ends its streams with an error and closes the doors`() async throws {
        let generator = FakeGenerator { _, _ in [.token(104), .hang] }
        _ = try await run(drainSeconds: 5, generator: generator) { service in
            let running = stream(service)
            try await waitUntil { !generator.requests.isEmpty }
            service.application.failDamaged()
            let body = try await running.value.body
            #expect(body.contains("\"error\""))
            #expect(!body.contains("[DONE]"))
            let health = try await service.request("GET", "/health")
            #expect(health.status == 503)
            #expect(health.code == "model_damaged")
        }
    }

    @Test func `connections that come while the doors close end, and so does the server`() async throws {
        for _ in 0..<20 {
            _ = try await run(drainSeconds: 5, generator: FakeGenerator()) { service in
                try await RawClient.onThread {
                    var clients: [RawClient] = []
                    for index in 0..<30 {
                        if index == 15 { service.application.drain() }
                        if let client = try? RawClient(port: service.port) { clients.append(client) }
                    }
                    #expect(clients.count >= 15)
                }
            }
        }
    }

    @Test func `during the delay only the readiness says that the server leaves`() async throws {
        let outcome = try await run(drainSeconds: 5, delaySeconds: 600, generator: FakeGenerator()) { service in
            #expect(try await service.request("GET", "/readyz").status == 200)
            service.application.drain()
            let readiness = try await service.request("GET", "/readyz")
            #expect(readiness.status == 503)
            #expect(readiness.code == "server_is_overloaded")
            #expect(try await service.request("GET", "/health").status == 200)
            #expect(try await service.post("/v1/chat/completions", body: Self.ask).status == 200)
        }
        #expect(outcome == .init(drained: 0, cut: 0))
    }

    @Test func `after the delay the doors close`() async throws {
        _ = try await run(drainSeconds: 5, delaySeconds: 0.1, generator: FakeGenerator()) { service in
            service.application.drain()
            try await waitUntil { service.application.state.phase == .draining }
            #expect(service.application.state.phase == .draining)
        }
    }

    @Test func `a server with a full queue or without a model is not ready, but healthy or alive`() async throws {
        let generator = FakeGenerator()
        try await TestService.run(generator: generator) { service in
            #expect(try await service.request("GET", "/readyz").status == 200)
            generator.isFull.withLock { $0 = true }
            let readiness = try await service.request("GET", "/readyz")
            #expect(readiness.status == 503)
            #expect(readiness.code == "server_is_overloaded")
            #expect(readiness.headers["retry-after"] != nil)
            #expect(try await service.request("GET", "/health").status == 200)
        }
        try await TestService.run(isReady: false) { service in
            let readiness = try await service.request("GET", "/readyz")
            #expect(readiness.status == 503 && readiness.code == "model_loading")
            #expect(try await service.request("GET", "/livez").status == 200)
        }
    }
}
