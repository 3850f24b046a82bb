import CoreMetrics
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import IsterGenerator
import Testing

@testable import IsterServer

/// The routes over a fake generator.
struct TestServer {
    let application: Application<RouterResponder<ServerContext>>

    init(
        _ generator: any TextGenerator, prefix: [Int32] = [], template: String? = TestModel.template,
        defaults: SamplingDefaults = SamplingDefaults(), options: APIOptions = APIOptions(),
        metrics: any MetricsFactory = NOOPMetricsHandler.instance
    ) throws {
        let router = Router(context: ServerContext.self)
        let model = try TestModel.served(prefix: prefix, template: template, defaults: defaults)
        try APIRoutes(model: model, generator: generator, options: options, metrics: metrics).add(to: router)
        application = Application(router: router)
    }

    struct Answer {
        var status: Int
        var headers: HTTPFields
        var text: String

        var json: JSONValue { (try? JSONReader.read(Array(text.utf8))) ?? .null }

        /// The error's four members, which every refusal has.
        func error(_ member: String) -> JSONValue? {
            guard case .object(let error)? = json["error"],
                error.members.map(\.key) == ["message", "type", "param", "code"]
            else { return nil }
            return error[member]
        }

        /// The data of each event; comments are left out.
        var events: [String] {
            text.split(separator: "\n\n").filter { $0.hasPrefix("data: ") }.map { String($0.dropFirst(6)) }
        }

        var chunks: [JSONValue] {
            events.filter { $0 != "[DONE]" }.map { (try? JSONReader.read(Array($0.utf8))) ?? .null }
        }
    }

    /// Sends without a socket.
    func post(_ path: String, _ body: String) async throws -> Answer {
        try await post(path, Array(body.utf8))
    }

    func post(_ path: String, _ body: [UInt8], headers: HTTPFields = [.contentType: "application/json"])
        async throws -> Answer
    {
        try await send(path, .post, ByteBuffer(bytes: body), headers)
    }

    func get(_ path: String) async throws -> Answer { try await send(path, .get, nil, [:]) }

    private func send(
        _ path: String, _ method: HTTPRequest.Method, _ body: ByteBuffer?, _ headers: HTTPFields
    ) async throws -> Answer {
        try await application.test(.router) { client in
            try await client.execute(uri: path, method: method, headers: headers, body: body) { response in
                Answer(
                    status: response.status.code, headers: response.headers, text: String(buffer: response.body))
            }
        }
    }
}

extension JSONValue {
    subscript(_ key: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    subscript(_ index: Int) -> JSONValue? {
        guard case .array(let values) = self, values.indices.contains(index) else { return nil }
        return values[index]
    }

    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    var keys: [String] {
        guard case .object(let object) = self else { return [] }
        return object.members.map(\.key)
    }
}
