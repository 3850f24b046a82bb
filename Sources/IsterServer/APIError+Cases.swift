import HTTPTypes
import IsterGenerator

extension APIError {
    static func badRequest(_ message: String, _ parameter: String?, code: String?) -> APIError {
        APIError(
            .badRequest, type: "invalid_request_error", message: message, parameter: parameter, code: code)
    }

    static func invalidJSON(_ error: JSONError) -> APIError {
        badRequest(
            "We could not parse the JSON body of your request: byte \(error.offset): \(error.problem).", nil,
            code: "invalid_json")
    }

    static func unknownField(_ path: String) -> APIError {
        badRequest("Unrecognized request argument supplied: \(path.shortened)", path.shortened, code: nil)
    }

    static func unsupported(_ path: String, _ reason: String = "is not supported by this server") -> APIError {
        badRequest("Unsupported parameter: '\(path)' \(reason).", path, code: "unsupported_parameter")
    }

    static func unsupportedValue(_ path: String, _ needed: String) -> APIError {
        badRequest(
            "Unsupported value: '\(path)' supports only \(needed) on this server.", path, code: "unsupported_parameter")
    }

    static func missing(_ path: String) -> APIError {
        badRequest("Missing required parameter: '\(path)'.", path, code: "missing_required_parameter")
    }

    static func wrongType(_ path: String, _ expected: String, _ found: JSONValue) -> APIError {
        badRequest(
            "Invalid type for '\(path)': expected \(expected), but got \(found.kind) instead.", path,
            code: "invalid_type")
    }

    static func invalidValue(_ path: String, _ problem: String, code: String = "invalid_value") -> APIError {
        badRequest("Invalid '\(path)': \(problem)", path, code: code)
    }

    static func modelNotFound(_ name: String) -> APIError {
        APIError(
            .notFound, type: "invalid_request_error",
            message: "The model '\(name.shortened)' does not exist or you do not have access to it.",
            parameter: "model", code: "model_not_found")
    }

    static func contextExceeded(
        tokens: Int, atLeast: Bool = false, contextLength: Int, parameter: String
    ) -> APIError {
        let count = "\(atLeast ? "at least " : "")\(tokens) tokens"
        return badRequest(
            "This model's maximum context length is \(contextLength) tokens. However, your \(parameter) resulted in "
                + "\(count). Please reduce the length of the \(parameter).", parameter,
            code: "context_length_exceeded")
    }

    static let bodyTooLarge = APIError(
        .contentTooLarge, type: "invalid_request_error", message: "The request body is too large.",
        code: "request_too_large")

    static func overloaded(_ message: String, retryAfter: Double) -> APIError {
        APIError(
            .serviceUnavailable, type: "service_unavailable_error", message: message, code: "server_is_overloaded",
            retryAfter: retryAfter)
    }

    static let tooManyPreparing = overloaded(
        "Too many requests are being read; please try again later.", retryAfter: 1)

    static func clientPreparing(count: Int) -> APIError {
        APIError(
            .tooManyRequests, type: "requests",
            message: "Rate limit reached: \(count) requests of this client are being read.",
            code: "rate_limit_exceeded", retryAfter: 1)
    }

    static func clientBytes(_ bytes: Int) -> APIError {
        APIError(
            .tooManyRequests, type: "requests",
            message: "Rate limit reached: \(bytes >> 20) MiB of this client's requests are being read.",
            code: "rate_limit_exceeded", retryAfter: 1)
    }

    static let tooManyAnswers = overloaded(
        "Too many large answers wait for their readers; please try again later.", retryAfter: 1)

    static func clientAnswers(_ bytes: Int) -> APIError {
        APIError(
            .tooManyRequests, type: "requests",
            message: "Rate limit reached: \(bytes >> 20) MiB of this client's answers wait to be read.",
            code: "rate_limit_exceeded", retryAfter: 1)
    }

    /// The answer goes nowhere; the status is for the log.
    static let clientLeft = APIError(
        HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request"), type: "invalid_request_error",
        message: "The client has closed the connection.", code: "client_closed_request")

    static let deadlinePassed = APIError(
        .gatewayTimeout, type: "server_error", message: "The request took longer than this server allows.",
        code: "deadline_exceeded", headers: [.shouldRetry: "false"])

    static func slowReader(bytes: Int) -> APIError {
        APIError(
            .requestTimeout, type: "invalid_request_error",
            message: "The stream was ended: its reader is more than \(bytes >> 10) KiB behind.",
            code: "reader_too_slow")
    }

    static let cutOff = overloaded("The server is stopping; the answer is not complete.", retryAfter: 5)

    static let internalError = APIError(
        .internalServerError, type: "server_error", message: "The server had an error while processing your request.",
        code: "internal_error")
}

extension APIError {
    /// parameter: the field that holds the prompt.
    static func generation(_ error: any Error, parameter: String) -> APIError {
        switch error {
        case let error as APIError: error
        case let error as GenerationError: refusal(error, parameter)
        case is CancellationError: clientLeft
        default: internalError
        }
    }

    private static func refusal(_ error: GenerationError, _ parameter: String) -> APIError {
        switch error {
        case .emptyPrompt: invalidValue(parameter, "the prompt has no tokens.", code: "empty_prompt")
        case .promptTooLong(let tokens, let contextLength):
            contextExceeded(tokens: tokens, contextLength: contextLength, parameter: parameter)
        case .tokenOutOfRange, .settingOutOfRange:
            badRequest("\(error.description).", nil, code: "invalid_value")
        case .queueFull(_, let retryAfter):
            overloaded("The server is overloaded; please try again later.", retryAfter: retryAfter)
        case .clientLimit(_, let count, let retryAfter):
            APIError(
                .tooManyRequests, type: "requests",
                message: "Rate limit reached: this key has \(count) requests running or waiting.",
                code: "rate_limit_exceeded", retryAfter: retryAfter)
        case .waitedTooLong:
            overloaded("The request waited too long for its turn; please try again later.", retryAfter: 10)
        case .stopping: overloaded("The server is stopping and accepts no more requests.", retryAfter: 5)
        case .modelDamaged:
            APIError(
                .serviceUnavailable, type: "service_unavailable_error",
                message: "The model file was changed while in use; the server is stopping.", code: "model_damaged",
                retryAfter: 5)
        }
    }
}

extension String {
    /// For messages: what a client sent, without control characters and not longer than a line.
    var shortened: String {
        let scalars = unicodeScalars.prefix(64).map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return unicodeScalars.count > 64 ? String(text) + "…" : String(text)
    }
}
