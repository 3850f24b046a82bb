import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix

extension API {
    /// The bytes of a JSON request.
    func body(of request: Request) async throws -> [UInt8] {
        if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw APIError.unsupportedMedia("The body must not be encoded.")
        }
        let type = request.headers[.contentType] ?? ""
        guard Self.isJSON(type) else {
            throw APIError.unsupportedMedia("The Content-Type must be application/json.")
        }
        do {
            return Array(try await request.body.collect(upTo: options.bodyByteLimit).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw APIError.bodyTooLarge
        }
    }

    private static func isJSON(_ type: String) -> Bool {
        let name = type.prefix { $0 != ";" }
        return String(name.filter { $0 != " " && $0 != "\t" }).lowercased() == "application/json"
    }

    /// Reads, renders and encodes on a thread that may be kept busy, unlike those of the event loops and tasks.
    func offLoop<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await preparation.runIfActive(work)
    }

    static func object(_ bytes: [UInt8]) throws(APIError) -> JSONObject {
        let value: JSONValue
        do { value = try JSONReader.read(bytes) } catch { throw .invalidJSON(error) }
        guard case .object(let object) = value else {
            throw .badRequest("The JSON body must be an object.", nil, code: "invalid_json")
        }
        return object
    }
}
