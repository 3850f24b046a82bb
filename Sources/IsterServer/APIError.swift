public import HTTPTypes
public import Hummingbird
import NIOCore

/// A refusal in OpenAI's form: `{"error":{"message","type","param","code"}}`, always with all four.
public struct APIError: HTTPResponseError, Equatable {
    public var status: HTTPResponse.Status
    public var type: String
    /// A fixed string or one about the request: never a path, a prompt or a key.
    public var message: String
    /// The field at fault, as a path.
    public var parameter: String?
    public var code: String?
    /// Seconds after which another try makes sense.
    public var retryAfter: Double?
    public var headers: HTTPFields

    public init(
        _ status: HTTPResponse.Status, type: String, message: String, parameter: String? = nil, code: String? = nil,
        retryAfter: Double? = nil, headers: HTTPFields = [:]
    ) {
        self.status = status
        self.type = type
        self.message = message
        self.parameter = parameter
        self.code = code
        self.retryAfter = retryAfter
        self.headers = headers
    }

    var json: JSONValue {
        [
            "error": [
                "message": .string(message), "type": .string(type), "param": .string(parameter),
                "code": .string(code),
            ]
        ]
    }

    public func response(from request: Request, context: some RequestContext) -> Response {
        Response(json, status: status, headers: allHeaders)
    }

    /// Also those that say when to come back.
    var allHeaders: HTTPFields {
        guard let retryAfter else { return headers }
        var headers = headers
        let seconds = min(max(retryAfter.isFinite ? retryAfter : 60, 1), 60)
        headers[.retryAfter] = String(Int(seconds.rounded(.up)))
        headers[.retryAfterMilliseconds] = String(Int((seconds * 1000).rounded(.up)))
        return headers
    }
}

extension Response {
    /// For what is small: it is written by the caller's thread.
    init(_ json: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) {
        self.init(json: ByteBuffer(bytes: json.line), status: status, headers: headers)
    }

    /// json: one value, written already.
    init(json: ByteBuffer, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) {
        var headers = headers
        headers[.contentType] = "application/json"
        self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: json))
    }
}

extension JSONValue {
    /// null where there is no text.
    static func string(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
    static func integer(_ value: Int?) -> JSONValue { value.map { .integer($0) } ?? .null }
}

extension HTTPField.Name {
    /// Clients of OpenAI read it before `Retry-After`.
    static let retryAfterMilliseconds = HTTPField.Name(literal: "retry-after-ms")
    static let shouldRetry = HTTPField.Name(literal: "x-should-retry")
    static let accelBuffering = HTTPField.Name(literal: "x-accel-buffering")

    /// `text` is a literal here; nothing else could be wrong with it.
    private init(literal text: String) {
        self = HTTPField.Name(text) ?? .retryAfter
    }
}
