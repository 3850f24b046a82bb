import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Around everything else: gives each answer its id, turns what is thrown into the API's error form, and writes one
/// line a request. Never the prompt, the text or the key.
struct RequestMiddleware: MiddlewareProtocol {
    let metrics: OperationMetrics
    let allowedMethods: AllowedMethods

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let id = RequestID.taken(from: request.headers[.requestID])
        var context = context
        // Where Hummingbird's contexts look for their id.
        context.logger[metadataKey: "hb.request.id"] = .string(id)
        let trace = RequestTrace()
        var response: Response
        var problem: (any Error)?
        do {
            response = try await RequestTrace.$current.withValue(trace) { try await next(request, context) }
        } catch {
            var refusal = APIError.of(error)
            if refusal.code == "unknown_url", let methods = allowedMethods.of(path: request.uri.path) {
                refusal = .wrongMethod(allowed: methods)
            }
            if refusal.status == .internalServerError { problem = error }
            response = refusal.response(from: request, context: context)
        }
        response.headers[.requestID] = id
        let report = Report(
            id: id, request: request, route: route(context), status: response.status, start: start, trace: trace,
            metrics: metrics, logger: context.logger)
        if let problem { report.logger.error("internal error", metadata: ["error": "\(type(of: problem))"]) }
        if response.body.contentLength != nil {
            report.write(ending: nil)
            return response
        }
        return streaming(response, report)
    }

    /// A stream is reported when its last byte is written.
    private func streaming(_ response: Response, _ report: Report) -> Response {
        let body = response.body
        return Response(
            status: response.status, headers: response.headers,
            body: ResponseBody { writer in
                do {
                    try await RequestTrace.$current.withValue(report.trace) { try await body.write(writer) }
                    report.write(ending: nil)
                } catch {
                    report.write(ending: "connection closed")
                    throw error
                }
            })
    }

    /// The route's pattern: of those there are few, of paths any number.
    private func route(_ context: ServerContext) -> String {
        guard let path = context.endpointPath, path != "NotFound" else { return "unknown" }
        return path
    }
}

/// One answered request.
private struct Report: Sendable {
    let id: String
    let method: String
    let route: String
    let status: HTTPResponse.Status
    let start: ContinuousClock.Instant
    let trace: RequestTrace
    let metrics: OperationMetrics
    let logger: Logger

    init(
        id: String, request: Request, route: String, status: HTTPResponse.Status, start: ContinuousClock.Instant,
        trace: RequestTrace, metrics: OperationMetrics, logger: Logger
    ) {
        self.id = id
        method = AllowedMethods.known.contains(request.method) ? request.method.rawValue : "other"
        self.route = route
        self.status = status
        self.start = start
        self.trace = trace
        self.metrics = metrics
        self.logger = logger
    }

    func write(ending: String?) {
        let facts = trace.facts
        metrics.countRequest(route: route, status: status.code)
        var metadata: Logger.Metadata = [
            "method": "\(method)", "route": "\(route)", "status": .stringConvertible(status.code),
            "ms": .stringConvertible(Int((start.duration(to: .now) / .milliseconds(1)).rounded())),
        ]
        if !facts.clientName.isEmpty { metadata["key"] = "\(facts.clientName)" }
        if facts.promptTokenCount > 0 {
            metadata["prompt_tokens"] = .stringConvertible(facts.promptTokenCount)
            metadata["cached_tokens"] = .stringConvertible(facts.cachedTokenCount)
            metadata["completion_tokens"] = .stringConvertible(facts.generatedTokenCount)
        }
        if let ending = ending ?? facts.streamErrorCode { metadata["ending"] = "\(ending)" }
        let isProbe = OperationRoutes.paths.contains(route) && status.kind == .successful
        logger.log(level: isProbe ? .debug : .info, "request", metadata: metadata)
    }
}

/// Which methods each path takes, to tell a wrong method from a wrong path.
struct AllowedMethods: Sendable {
    static let known: Set<HTTPRequest.Method> = [.get, .head, .post, .put, .delete, .patch, .options, .trace, .connect]

    private struct Pattern {
        /// Of a path; nil stands for any one component.
        var components: [String?]
        /// The last component stands for any number of them.
        var isOpenEnded: Bool
        var method: HTTPRequest.Method

        func matches(_ parts: [String]) -> Bool {
            guard isOpenEnded ? parts.count >= components.count : parts.count == components.count else { return false }
            return zip(components, parts).allSatisfy { $0 == nil || $0 == $1 }
        }
    }

    private var patterns: [Pattern] = []

    init(_ router: Router<ServerContext>) {
        for route in router.routes {
            let parts = route.path.description.split(separator: "/").map { part -> String? in
                part.hasPrefix(":") || part.hasPrefix("{") || part.hasPrefix("*") ? nil : String(part)
            }
            let isOpenEnded = route.path.description.hasSuffix("/**")
            patterns.append(Pattern(components: parts, isOpenEnded: isOpenEnded, method: route.method))
        }
    }

    /// nil: there is no such path.
    func of(path: String) -> [HTTPRequest.Method]? {
        let parts = path.split(separator: "/").map(String.init)
        var methods: Set<HTTPRequest.Method> = []
        for pattern in patterns where pattern.matches(parts) { methods.insert(pattern.method) }
        if methods.contains(.get) { methods.insert(.head) }
        return methods.isEmpty ? nil : methods.sorted { $0.rawValue < $1.rawValue }
    }
}
