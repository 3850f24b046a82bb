import AsyncHTTPClient
import IsterCheckpoint
import NIOCore
import NIOHTTP1

enum BenchServeKey {
    /// From a file, or the environment; never from arguments, which others can see.
    static func read(
        file: String?, environment: [String: String] = ProcessEnvironment.all
    ) throws(Failure) -> String? {
        if let file {
            let bytes = try InputFile.read(file)
            return try checked(String(decoding: bytes, as: UTF8.self).trimmingWhitespace(), from: file)
        }
        for name in ["ISTER_API_KEY", "OPENAI_API_KEY"] {
            if let value = environment[name], !value.isEmpty { return try checked(value, from: name) }
        }
        return nil
    }

    /// Refuses what no header field can hold. The message does not tell it: it may be a part of a key.
    private static func checked(_ key: String, from source: String) throws(Failure) -> String {
        if !key.isEmpty, key.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return key }
        throw Failure(.configuration, "\(source): it must be one key, of printable ASCII characters")
    }
}

/// A server that speaks OpenAI's API.
final class BenchServeConnection: Sendable {
    let url: String
    private let client: HTTPClient
    private let headers: HTTPHeaders
    private let timeoutSeconds: Int

    init(url: String, key: String?, timeout: Int, connections: Int) throws(Failure) {
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw Failure(.usage, "\(url): no URL; http://HOST:PORT is needed")
        }
        var base = url[...]
        while base.last == "/" { base.removeLast() }
        if base.hasSuffix("/v1") { base.removeLast(3) }
        self.url = String(base)
        timeoutSeconds = timeout
        // Some servers end a connection after a streamed answer without having said so: the next request on it would
        // fail.
        var headers = HTTPHeaders([("Content-Type", "application/json"), ("Connection", "close")])
        if let key { headers.add(name: "Authorization", value: "Bearer \(key)") }
        self.headers = headers
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func close() async {
        // Nothing can be done about a connection that does not close.
        try? await client.shutdown()
    }

    private static let answerLimit = 1 << 20
    /// Longer than any limit of ours: the client's holds for the head of an answer only.
    private static let unlimited = TimeAmount.hours(48)

    /// What `body` returns, which is cancelled when the time is over. isLate: it was.
    private static func limited<Value: Sendable>(
        seconds: Int, _ body: @escaping @Sendable () async -> Value
    ) async -> (value: Value, isLate: Bool) {
        let work = Task { await body() }
        let limit = Task {
            guard (try? await Task.sleep(for: .seconds(seconds))) != nil else { return false }
            work.cancel()
            return true
        }
        let value = await work.value
        limit.cancel()
        return (value, await limit.value)
    }

    func firstModel() async throws(Failure) -> String {
        let (result, isLate) = await Self.limited(seconds: 30) { () async -> Result<String, Failure> in
            do throws(Failure) { return .success(try await self.listedModel()) } catch { return .failure(error) }
        }
        switch result {
        case .success(let name): return name
        case .failure(let error): throw isLate ? Failure(.inputOutput, "\(url)/v1/models: timeout") : error
        }
    }

    private func listedModel() async throws(Failure) -> String {
        do {
            var request = HTTPClientRequest(url: url + "/v1/models")
            request.headers = headers
            let response = try await client.execute(request, timeout: Self.unlimited)
            let body = Array(try await response.body.collect(upTo: Self.answerLimit).readableBytesView)
            guard response.status == .ok else {
                throw Failure(.inputOutput, "\(url)/v1/models: \(Self.refusal(response.status, body))")
            }
            guard case .object(let object) = try JSONValue.parse(body),
                case .object(let first)? = try object.array("data")?.first, let name = try first.text("id")
            else { throw Failure(.badData, "\(url)/v1/models: lists no models") }
            return name
        } catch let error as Failure {
            throw error
        } catch {
            throw Failure(.inputOutput, "\(url): \(error)")
        }
    }

    private static func refusal(_ status: HTTPResponseStatus, _ body: [UInt8]) -> String {
        guard case .object(let object)? = try? JSONValue.parse(body), let error = try? object.object("error"),
            let message = try? error.text("message")
        else { return "status \(status.code)" }
        return "status \(status.code): \(message)"
    }

    /// Sends a request and notes when its pieces come. start: the zero of the record's times; onPieces: told how many
    /// came at once.
    func complete(
        model: String, prompt: BenchServePrompt, answerTokens: Int, start: ContinuousClock.Instant,
        onPieces: @escaping @Sendable (Int) -> Void = { _ in }
    ) async -> BenchServeRecord {
        let request = completion(model: model, prompt: prompt, answerTokens: answerTokens)
        let (received, isLate) = await Self.limited(seconds: timeoutSeconds) {
            await self.receive(request, start: start, onPieces: onPieces)
        }
        var record = received
        if isLate, record.failure != nil { record.failure = "timeout" }
        return record
    }

    private func completion(model: String, prompt: BenchServePrompt, answerTokens: Int) -> HTTPClientRequest {
        let body = JSONText.object([
            ("model", .string(model)), ("prompt", prompt.json), ("max_tokens", .integer(answerTokens)),
            ("temperature", .integer(0)), ("ignore_eos", .bool(true)), ("stream", .bool(true)),
            ("stream_options", .object([("include_usage", .bool(true))])),
        ])
        var request = HTTPClientRequest(url: url + "/v1/completions")
        request.method = .POST
        request.headers = headers
        request.body = .bytes(body.line)
        return request
    }

    private func receive(
        _ request: HTTPClientRequest, start: ContinuousClock.Instant, onPieces: @Sendable (Int) -> Void
    ) async -> BenchServeRecord {
        var record = BenchServeRecord(start: start.duration(to: .now).inSeconds)
        do {
            let response = try await client.execute(request, timeout: Self.unlimited)
            guard response.status == .ok else {
                let body = Array(try await response.body.collect(upTo: Self.answerLimit).readableBytesView)
                record.failure = Self.refusal(response.status, body)
                return record
            }
            var stream = BenchServeStream()
            for try await buffer in response.body {
                let now = start.duration(to: .now).inSeconds
                let count = record.pieceTimes.count
                try stream.take(buffer.readableBytesView, at: now, &record)
                if record.pieceTimes.count > count { onPieces(record.pieceTimes.count - count) }
            }
            record.end = start.duration(to: .now).inSeconds
            if record.failure == nil, !stream.isDone { record.failure = "the answer was cut off" }
            if record.failure == nil, record.isEmpty { record.failure = "the answer has no tokens" }
        } catch {
            record.failure = "\(error)"
        }
        return record
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
