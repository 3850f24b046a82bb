import Foundation
import IsterGenerator
import Synchronization
import Testing

@testable import IsterServer

/// What is refused before it is read.
@Suite(.timeLimit(.minutes(1))) struct AdmissionTests {
    private let body = #"{"model":"tiny","prompt":"a"}"#

    @Test func `requests beyond those of all and of one client are refused until one is given back`() throws {
        var limits = AdmissionGate.Limits()
        limits.requests = .init(all: 3, perClient: 2, reserve: 0, small: 4)
        let gate = AdmissionGate(limits)
        try gate.enter("a")
        try gate.enter("a")
        #expect(throws: APIError.clientPreparing(count: 2)) { try gate.enter("a") }
        try gate.enter("b")
        #expect(throws: APIError.tooManyPreparing) { try gate.enter("c") }
        gate.leave("a", bytes: 0)
        try gate.enter("c")
        for client in ["a", "b", "c"] { gate.leave(client, bytes: 0) }
        #expect(gate.use == (0, 0, 0, 0))
    }

    @Test func `bytes beyond those of all and of one client are refused until they are given back`() throws {
        var limits = AdmissionGate.Limits()
        limits.bodies = .init(all: 100, perClient: 60, reserve: 0, small: 100)
        let gate = AdmissionGate(limits)
        for client in ["a", "b"] { try gate.enter(client) }
        try gate.take(bytes: 60, for: "a")
        #expect(throws: APIError.clientBytes(60)) { try gate.take(bytes: 1, for: "a") }
        try gate.take(bytes: 40, for: "b")
        #expect(throws: APIError.tooManyPreparing) { try gate.take(bytes: 1, for: "b") }
        gate.leave("a", bytes: 60)
        try gate.take(bytes: 20, for: "b")
        gate.leave("b", bytes: 60)
        #expect(gate.use == (0, 0, 0, 0))
    }

    @Test func `by default 128 MiB of bodies are held, half of them of one client`() {
        let limits = AdmissionGate.Limits(APIOptions())
        for quota in [limits.bodies, limits.answers] {
            #expect(quota == .init(all: 128 << 20, perClient: 64 << 20, reserve: 32 << 20, small: 1 << 20))
        }
        #expect(limits.requests == .init(all: 256, perClient: 256, reserve: 64, small: 4))
        var options = APIOptions()
        options.placeCount = 1000
        options.perClientCount = 8
        #expect(AdmissionGate.Limits(options).requests.all == 1000)
        #expect(AdmissionGate.Limits(options).requests.perClient == 8)
    }

    @Test func `when some clients have taken all, one that has little is still let in`() throws {
        var limits = AdmissionGate.Limits()
        limits.requests = .init(all: 4, perClient: 2, reserve: 2, small: 1)
        limits.bodies = .init(all: 100, perClient: 50, reserve: 20, small: 10)
        let gate = AdmissionGate(limits)
        for client in ["a", "a", "b", "b", "c"] { try gate.enter(client) }
        for client in ["a", "b"] {
            #expect(throws: APIError.tooManyPreparing) { try gate.enter(client) }
            try gate.take(bytes: 50, for: client)
        }
        #expect(throws: APIError.tooManyPreparing) { try gate.enter("c") }
        try gate.take(bytes: 10, for: "c")
        #expect(throws: APIError.tooManyPreparing) { try gate.take(bytes: 1, for: "c") }
        try gate.enter("d")
        #expect(throws: APIError.tooManyPreparing) { try gate.take(bytes: 11, for: "d") }
        try gate.take(bytes: 10, for: "d")
        // The reserve has an end, too.
        #expect(throws: APIError.tooManyPreparing) { try gate.enter("e") }
        for client in ["a", "b"] {
            gate.leave(client, bytes: 50)
            gate.leave(client, bytes: 0)
        }
        for client in ["c", "d"] { gate.leave(client, bytes: 10) }
        #expect(gate.use == (0, 0, 0, 0))
    }

    @Test func `answers beyond those of all and of one client are refused until they are given back`() throws {
        var limits = AdmissionGate.Limits()
        limits.answers = .init(all: 100, perClient: 60, reserve: 0, small: 10)
        let gate = AdmissionGate(limits)
        try gate.hold(answerBytes: 60, for: "a")
        #expect(throws: APIError.clientAnswers(60)) { try gate.hold(answerBytes: 1, for: "a") }
        #expect(throws: APIError.tooManyAnswers) { try gate.hold(answerBytes: 41, for: "b") }
        // Bodies are counted by themselves, and a client is not forgotten with its request.
        try gate.enter("a")
        try gate.take(bytes: 1000, for: "a")
        gate.leave("a", bytes: 1000)
        #expect(gate.use == (0, 0, 60, 1))
        gate.release(answerBytes: 60, for: "a")
        #expect(gate.use == (0, 0, 0, 0))
    }

    @Test func `while the queue is full a request is refused before its body is sent`() async throws {
        let generator = FakeGenerator()
        generator.isFull.withLock { $0 = true }
        try await TestService.run(generator: generator, routes: apiRoutes()) { service in
            let answer = Answer(try await service.exchange(completion(bytes: 8 << 20)))
            #expect(answer.status == 503)
            #expect(answer.code == "server_is_overloaded")
            #expect(answer.headers["retry-after"] == "1")
            #expect(answer.headers["retry-after-ms"] == "1000")
            #expect(answer.headers["connection"] == "close")
            let asking = completion(bytes: 8 << 20, "Expect: 100-continue")
            #expect(Answer(try await service.exchange(asking)).status == 503)
            // Needs no place.
            #expect(try await service.post("/tokenize", body: #"{"content":"a"}"#).status == 200)
        }
    }

    @Test func `a client with as many requests on their way as it may have gets 429`() async throws {
        var options = APIOptions()
        options.perClientCount = 1
        try await TestService.run(routes: apiRoutes(options)) { service in
            let (refused, served) = try await RawClient.onThread {
                let slow = try RawClient(port: service.port)
                slow.send(completion(bytes: 1000) + "{")
                usleep(200_000)
                let next = try RawClient(port: service.port)
                next.send(completion(bytes: 1000))
                let refused = next.readToEnd()
                slow.send("}" + String(repeating: " ", count: 998))
                return (refused, slow.read(until: "}}"))
            }
            #expect(Answer(refused).status == 429)
            #expect(Answer(refused).code == "rate_limit_exceeded")
            #expect(Answer(refused).headers["retry-after"] == "1")
            #expect(Answer(served).status == 400)
        }
    }

    @Test func `whatever becomes of a request its place is free afterwards`() async throws {
        var options = APIOptions()
        options.perClientCount = 1
        options.bodyByteLimit = 10_000
        try await TestService.run(routes: apiRoutes(options)) { service in
            #expect(try await service.post(body: "{").status == 400)
            #expect(try await service.post(body: String(repeating: " ", count: 10_001)).status == 413)
            try await RawClient.onThread {
                let client = try RawClient(port: service.port)
                client.send(completion(bytes: 1000) + "{")
                usleep(50_000)
                client.reset()
            }
            try await eventually { service.application.connectionCount == 0 }
            #expect(try await service.post(body: body).status == 200)
        }
    }

    @Test func `prompts without places are refused before any is encoded`() async throws {
        var options = APIOptions()
        options.placeCount = 1
        let server = try TestServer(FakeGenerator(), options: options)
        for (path, field) in [("/v1/completions", "prompt"), ("/v1/embeddings", "input")] {
            // Encoding would find the id that is none.
            let answer = try await server.post(path, "{\"model\":\"tiny\",\"\(field)\":[[9999],[1]]}")
            #expect(answer.error("code") == "too_many_requests_in_one")
        }
    }

    @Test(arguments: [
        (#""logprobs":20,"max_tokens":20000"#, false), (#""logprobs":20,"max_tokens":20000,"stream":true"#, true),
        (#""logprobs":20,"max_tokens":100,"n":4"#, true), (#""logprobs":1,"max_tokens":20000"#, true),
        (#""logprobs":20,"max_tokens":4000,"n":4"#, false), (#""logprobs":20,"max_tokens":0,"echo":true"#, true),
        (#""logprobs":20,"max_tokens":0,"echo":true,"n":4,"stream":true"#, false),
    ])
    func `an answer of more scores than it may hold is refused`(fields: String, isTaken: Bool) async throws {
        let prompt = "[" + Array(repeating: "1", count: 4000).joined(separator: ",") + "]"
        let server = try TestServer(FakeGenerator(contextLength: 1 << 20))
        let answer = try await server.post("/v1/completions", "{\"model\":\"tiny\",\"prompt\":\(prompt),\(fields)}")
        #expect(answer.status == (isTaken ? 200 : 400))
        if !isTaken { #expect(answer.error("param") == "logprobs") }
    }
}
