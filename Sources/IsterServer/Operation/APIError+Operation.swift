import HTTPTypes
import Hummingbird
import NIOCore

/// Refusals that no route decides. Fixed words only: nothing of the request, no path and no key gets into them.
extension APIError {
    static let headersTooLarge = refusal(
        .requestHeaderFieldsTooLarge, "headers_too_large", "The request's headers are larger than this server accepts.")
    static let targetTooLong = refusal(
        .uriTooLong, "uri_too_long", "The request's URI is longer than this server accepts.")
    static let malformedRequest = refusal(.badRequest, "invalid_http", "The request is not valid HTTP/1.1.")
    static let slowRequest = refusal(.requestTimeout, "request_timeout", "The request did not arrive in time.")
    static let encodedContent = refusal(
        .unsupportedMediaType, "unsupported_media_type", "The request's body must not be encoded.")
    static let wrongContentType = refusal(
        .unsupportedMediaType, "unsupported_media_type", "The request's Content-Type must be application/json.")
    static let unknownURL = refusal(.notFound, "unknown_url", "There is nothing at this URL.")

    static func wrongMethod(allowed: [HTTPRequest.Method]) -> APIError {
        var error = refusal(
            .methodNotAllowed, "method_not_allowed",
            "This URL does not take this method; the Allow header names those that it takes.")
        error.headers[.allow] = allowed.map(\.rawValue).joined(separator: ", ")
        return error
    }

    static let wrongHost = APIError(
        .forbidden, type: "permission_error",
        message: "This server does not answer to that host name; the option --allowed-host adds names.",
        code: "host_not_allowed")
    static let wrongOrigin = APIError(
        .forbidden, type: "permission_error",
        message: "Web pages of that origin may not use this server; the option --cors-origin adds origins.",
        code: "origin_not_allowed")

    static let invalidKey = APIError(
        .unauthorized, type: "invalid_request_error",
        message: "A valid API key is needed: Authorization: Bearer KEY.", code: "invalid_api_key",
        headers: [.wwwAuthenticate: "Bearer"])
    static let missingScope = APIError(
        .forbidden, type: "permission_error", message: "This API key does not permit that.",
        code: "insufficient_scope")

    static func rateLimited(_ excess: KeyMeter.Excess) -> APIError {
        APIError(
            .tooManyRequests, type: excess.what, message: "Rate limit reached: this key's \(excess.what) per minute.",
            code: "rate_limit_exceeded", retryAfter: excess.retryAfter)
    }

    static let tooManyConnections = overloaded("Too many connections are open; please try again later.", retryAfter: 1)
    static let queueFull = overloaded("All places are taken and the queue is full.", retryAfter: 1)
    static let draining = overloaded("The server is stopping and accepts no more requests.", retryAfter: 5)
    static let loading = APIError(
        .serviceUnavailable, type: "service_unavailable_error", message: "The model is being loaded.",
        code: "model_loading", retryAfter: 5)
    static let damaged = APIError(
        .serviceUnavailable, type: "service_unavailable_error",
        message: "The model file was changed while in use; the server is stopping.", code: "model_damaged",
        retryAfter: 5)

    /// What a thrown error means to the client; the log gets the rest.
    static func of(_ error: any Error) -> APIError {
        switch error {
        case let error as APIError: return error
        case is NIOTooManyBytesError: return bodyTooLarge
        case let error as HTTPError where error.status == .notFound: return unknownURL
        case let error as HTTPError where error.status.kind == .clientError:
            return refusal(error.status, "invalid_request", "The request cannot be answered.")
        // The connection broke while the body was being read.
        case is CancellationError, is IOError, is ChannelError: return clientLeft
        default: return internalError
        }
    }

    private static func refusal(_ status: HTTPResponse.Status, _ code: String, _ message: String) -> APIError {
        APIError(status, type: "invalid_request_error", message: message, code: code)
    }
}

extension HTTPField.Name {
    /// Both are valid names, so there always is one.
    static let requestID = HTTPField.Name("x-request-id") ?? .server
    static let apiKey = HTTPField.Name("x-api-key") ?? .authorization
}
