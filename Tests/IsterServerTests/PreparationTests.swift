import Foundation
import Hummingbird
import IsterGenerator
import Synchronization
import Testing

@testable import IsterServer

/// The threads that requests are prepared on.
@Suite(.timeLimit(.minutes(1))) struct PreparationTests {
    @Test func `its threads are ten steps nicer than the rest of the process`() async throws {
        let own = niceness()
        let pool = PreparationPool(threadCount: 2)
        for _ in 0..<8 {
            let nice = try await pool.run { niceness() }
            #expect(nice == min(own + 10, 19))
        }
        #expect(niceness() == own)
    }

    @Test(arguments: [(1, 1), (4, 1), (7, 1), (8, 2), (128, 2)])
    func `there are one or two threads`(cores: Int, threads: Int) {
        #expect(PreparationPool.threadCount(coreCount: cores) == threads)
    }

    @Test func `work that waits is dropped when its task is cancelled, at once`() async throws {
        let pool = PreparationPool(threadCount: 1)
        let block = Block()
        async let busy: Void = pool.run { block.wait() }
        try await eventually { block.isReached }
        let hasRun = Flag()
        let waiting = Task { try await pool.run { hasRun.set() } }
        try await eventually { pool.waitingCount == 1 }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        block.open()
        try await busy
        try await pool.run {}
        #expect(!hasRun.isSet)
    }

    @Test func `the value of work that runs is dropped when its task is cancelled`() async throws {
        let pool = PreparationPool(threadCount: 1)
        let block = Block()
        let running = Task { try await pool.run { block.wait() } }
        try await eventually { block.isReached }
        running.cancel()
        block.open()
        await #expect(throws: CancellationError.self) { try await running.value }
    }

    @Test func `clients take turns, and each is served in its own order`() {
        var turns = ClientTurns<String>()
        for work in ["a1", "a2", "a3", "b1", "c1"] { turns.append(work, of: String(work.prefix(1))) }
        #expect((0..<3).map { _ in turns.next() } == ["a1", "b1", "c1"])
        turns.append("c2", of: "c")
        turns.append("d1", of: "d")
        #expect((0..<5).map { _ in turns.next() } == ["a2", "c2", "d1", "a3", nil])
    }

    @Test func `an answer does not wait for all the work of another client`() async throws {
        let pool = PreparationPool(threadCount: 1)
        let block = Block()
        let order = Order()
        let busy = Task { try await pool.run(for: "greedy") { block.wait() } }
        try await eventually { block.isReached }
        var waiting: [Task<Void, any Error>] = []
        for client in ["greedy", "greedy", "greedy", "modest"] {
            waiting.append(Task { try await pool.run(for: client) { order.append(client) } })
            try await eventually { [count = waiting.count] in pool.waitingCount == count }
        }
        block.open()
        for task in [busy] + waiting { try await task.value }
        #expect(order.clients == ["greedy", "modest", "greedy", "greedy"])
    }

    @Test func `after the shutdown work is refused as by a server that drains`() async throws {
        let pool = PreparationPool(threadCount: 1)
        await pool.shutDown()
        await #expect(throws: APIError.draining) { try await pool.run {} }
    }

    @Test func `the server ends its threads`() async throws {
        let kept = Mutex<PreparationPool?>(nil)
        try await TestService.run { service in kept.withLock { $0 = service.application.preparation } }
        let pool = try #require(kept.withLock { $0 })
        await #expect(throws: APIError.draining) { try await pool.run {} }
    }

    @Test func `what a client that left has sent is not computed`() async throws {
        let generator = FakeGenerator()
        let pool = PreparationPool(threadCount: 1)
        let block = Block()
        let busy = Task { try await pool.run { block.wait() } }
        try await eventually { block.isReached }
        try await TestService.run(generator: generator, routes: apiRoutes(preparation: pool)) { service in
            let body = #"{"model":"tiny","prompt":"a"}"#
            try await RawClient.onThread {
                let client = try RawClient(port: service.port)
                client.send(completion(bytes: body.utf8.count) + body)
                // Its body has come and waits for the thread.
                usleep(100_000)
            }
            try await eventually { service.log.all.contains { $0.contains("\"status\":499") } }
            block.open()
            try await busy.value
            try await pool.run {}
            #expect(generator.requests.isEmpty)
            #expect(try await service.post(body: body).status == 200)
        }
    }

    @Test func `the time that a request waits for these threads counts, and work that comes too late is not run`()
        async throws
    {
        let generator = FakeGenerator()
        let pool = PreparationPool(threadCount: 1)
        var options = APIOptions()
        options.requestSeconds = 0.1
        try await TestService.run(generator: generator, routes: apiRoutes(options, preparation: pool)) { service in
            let block = Block()
            let busy = Task { try await pool.run { block.wait() } }
            try await eventually { block.isReached }
            let answer = Task { try await service.post(body: #"{"model":"tiny","prompt":"a"}"#) }
            try await eventually { pool.waitingCount == 1 }
            try await Task.sleep(for: .milliseconds(100))
            block.open()
            try await busy.value
            #expect(try await answer.value.status == 504)
            #expect(try await answer.value.code == "deadline_exceeded")
            #expect(generator.requests.isEmpty)
        }
    }

    @Test func `the deadline of a request is counted from before it waits`() async throws {
        let generator = FakeGenerator()
        let pool = PreparationPool(threadCount: 1)
        try await TestService.run(generator: generator, routes: apiRoutes(preparation: pool)) { service in
            let block = Block()
            let busy = Task { try await pool.run { block.wait() } }
            try await eventually { block.isReached }
            let answer = Task { try await service.post(body: #"{"model":"tiny","prompt":"a"}"#) }
            try await eventually { pool.waitingCount == 1 }
            let latest = ContinuousClock.now + .seconds(APIOptions().requestSeconds)
            block.open()
            try await busy.value
            #expect(try await answer.value.status == 200)
            #expect(try #require(generator.requests[0].deadline) < latest)
        }
    }

    @Test(arguments: [
        ("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]"),
        ("/v1/completions", "\"prompt\":\"a\""),
    ])
    func `whole answers are written on these threads`(path: String, fields: String) async throws {
        let isOver = Flag()
        let generator = FakeGenerator { _, _ in [.until { isOver.isSet }] }
        let pool = PreparationPool(threadCount: 1)
        try await TestService.run(generator: generator, routes: apiRoutes(preparation: pool)) { service in
            let isAnswered = Flag()
            let answer = Task {
                defer { isAnswered.set() }
                return try await service.post(path, body: "{\"model\":\"tiny\",\(fields)}")
            }
            try await eventually { generator.requests.count == 1 }
            let block = Block()
            async let busy: Void = pool.run { block.wait() }
            try await eventually { block.isReached }
            isOver.set()
            try await Task.sleep(for: .milliseconds(100))
            #expect(!isAnswered.isSet)
            block.open()
            try await busy
            #expect(try await answer.value.status == 200)
        }
    }
}

extension PreparationPool {
    fileprivate func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await run(for: "", work)
    }
}

/// Of the calling thread.
private func niceness() -> Int32 { getpriority(Int32(PRIO_PROCESS.rawValue), 0) }

final class Flag: Sendable {
    private let state = Mutex(false)

    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}

private final class Order: Sendable {
    private let state = Mutex<[String]>([])

    var clients: [String] { state.withLock { $0 } }
    func append(_ client: String) { state.withLock { $0.append(client) } }
}

/// Keeps a thread busy until it is opened.
final class Block: Sendable {
    private let state = Mutex((isReached: false, isOpen: false))

    var isReached: Bool { state.withLock { $0.isReached } }

    func wait() {
        state.withLock { $0.isReached = true }
        while !state.withLock({ $0.isOpen }) { usleep(1000) }
    }

    func open() { state.withLock { $0.isOpen = true } }
}

/// The API's routes, behind the server's guards.
func apiRoutes(
    _ options: APIOptions = APIOptions(), preparation: PreparationPool = PreparationPool(threadCount: 1)
) -> @Sendable (ObservedGenerator, Router<ServerContext>) -> Void {
    { generator, router in
        let model = try? TestModel.served()
        let routes = model.flatMap { model in
            try? APIRoutes(model: model, generator: generator, options: options, preparation: preparation)
        }
        routes?.add(to: router)
    }
}

/// The head of a completions request whose body has so many bytes.
func completion(bytes: Int, _ fields: String...) -> String {
    let lines =
        ["POST /v1/completions HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
        + ["Content-Length: \(bytes)"] + fields
    return lines.joined(separator: "\r\n") + "\r\n\r\n"
}
