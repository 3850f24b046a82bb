import Foundation
import Hummingbird
import IsterGenerator
@testable import IsterServer
import Logging
import NIOCore
import Synchronization

/// A server on a free port of the loopback address.
struct TestService: Sendable {
    let application: ServerApplication
    let metrics: OperationMetrics
    let log: LogLines
    let port: Int

    /// Limits that a test reaches in a moment.
    static var shortLimits: ConnectionLimits {
        var limits = ConnectionLimits()
        limits.headerSeconds = 0.4
        limits.bodySeconds = 1
        limits.bodyGraceSeconds = 0.3
        limits.idleSeconds = 0.4
        limits.stallSeconds = 0.4
        limits.lingerSeconds = 0.2
        return limits
    }

    /// Runs a server while `body` does, then drains it.
    /// - Parameters:
    ///   - isReady: else it stays in the state of loading a model.
    static func run(
        _ options: ServerOptions = ServerOptions(), generator: any TextGenerator = FakeGenerator(),
        isReady: Bool = true,
        routes: @escaping @Sendable (ObservedGenerator, Router<ServerContext>) -> Void = plainRoutes,
        _ body: (TestService) async throws -> Void
    ) async throws {
        var options = options
        options.address = .host("127.0.0.1", port: 0)
        options.ioThreadCount = 1
        let registry = PrometheusRegistry(
            descriptions: OperationMetrics.descriptions, commonLabels: [("model_name", "tiny")])
        let metrics = OperationMetrics(registry: registry)
        let log = LogLines()
        let logger = Logger(label: "test") { _ in LineLogHandler(format: .json, level: .debug) { log.append($0) } }
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let application = try ServerApplication(options: options, metrics: metrics, logger: logger) {
            if case .host(_, let port) = $0 { continuation.yield(port) }
        }
        if isReady {
            let observed = ObservedGenerator(generator, metrics: metrics, keys: options.access.keys)
            application.serve(observed) { routes(observed, $0) }
        }
        let running = Task { try await application.run() }
        var iterator = ports.makeAsyncIterator()
        let port = await iterator.next() ?? 0
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await body(TestService(application: application, metrics: metrics, log: log, port: port)))
        } catch {
            result = .failure(error)
        }
        application.drain()
        try await running.value
        try result.get()
    }

    /// Echoes the length of a body; streams more than any buffer holds.
    @Sendable static func plainRoutes(_ generator: ObservedGenerator, _ router: Router<ServerContext>) {
        router.post("v1/completions") { request, _ in
            let body = try await request.body.collect(upTo: 1 << 30)
            return Response(["bytes": .integer(body.readableBytes)])
        }
        router.get("v1/models") { _, context in Response(["client": .string(context.client.name)]) }
        router.get("endless") { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    let piece = ByteBuffer(repeating: 0x61, count: 1 << 16)
                    for _ in 0..<4096 { try await writer.write(piece) }
                    try await writer.finish(nil)
                })
        }
    }

    /// Sends bytes and reads until the server closes. A read may wait for long: all tests may run at once.
    func exchange(_ text: String, seconds: Double = 30) async throws -> String {
        try await RawClient.onThread {
            let client = try RawClient(port: port, seconds: seconds)
            client.send(text)
            return client.readToEnd()
        }
    }

    /// One request on its own connection.
    func request(
        _ method: String = "GET", _ path: String, headers: [String] = [], body: String? = nil, host: String? = nil
    ) async throws -> Answer {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: \(host ?? "127.0.0.1:\(port)")", "Connection: close"]
        if let body { lines.append("Content-Length: \(body.utf8.count)") }
        let text = (lines + headers).joined(separator: "\r\n") + "\r\n\r\n" + (body ?? "")
        return Answer(try await exchange(text))
    }

    func post(_ path: String = "/v1/completions", headers: [String] = [], body: String = "{}") async throws -> Answer {
        try await request("POST", path, headers: ["Content-Type: application/json"] + headers, body: body)
    }
}

/// What a server sent, taken apart.
struct Answer: Sendable {
    let status: Int
    let headers: [String: String]
    let body: String
    let text: String

    init(_ text: String) {
        self.text = text
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let lines = parts.first?.split(separator: "\r\n") ?? []
        status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1)
            if pair.count == 2 { headers[pair[0].lowercased()] = pair[1].trimmingCharacters(in: .whitespaces) }
        }
        self.headers = headers
        body = parts.count == 2 ? String(parts[1]) : ""
    }

    /// Of the error that the body tells.
    var code: String? { field("code") }
    var type: String? { field("type") }

    private func field(_ name: String) -> String? {
        let object = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
        let error = object?["error"] as? [String: Any]
        guard let error, Set(error.keys) == ["message", "type", "param", "code"] else { return nil }
        return error[name] as? String
    }
}

final class LogLines: Sendable {
    private let state = Mutex<[String]>([])
    func append(_ line: String) { state.withLock { $0.append(line) } }
    var all: [String] { state.withLock { $0 } }
}
