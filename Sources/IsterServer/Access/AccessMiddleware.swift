import HTTPTypes
import Hummingbird
import NIOCore

/// Refuses what is not for this server or not permitted, before any route runs. Everything but the open paths needs a
/// key when there are keys, routes that do not exist included.
struct AccessMiddleware: MiddlewareProtocol {
    let rules: AccessRules
    let state: ServerState

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        // HTTP/1.1 has the host in its header; a request line may name another one.
        let host = request.head.authority
        guard rules.allows(host: host) else { throw APIError.wrongHost }
        let origin = request.headers[.origin]
        if let origin, !rules.allows(origin: origin, host: host) { throw APIError.wrongOrigin }
        let shared = origin.flatMap { rules.allowedOrigins.contains($0) ? $0 : nil }
        if let shared, request.method == .options { return preflight(shared, request) }
        do {
            var response = try await admit(request, context, next)
            share(&response.headers, with: shared)
            return response
        } catch {
            var error = APIError.of(error)
            share(&error.headers, with: shared)
            throw error
        }
    }

    private func admit(
        _ request: Request, _ context: ServerContext, _ next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        try identify(request, &context)
        if request.method == .post { try checkContent(request) }
        if !OperationRoutes.paths.contains(request.uri.path), let refusal = state.refusal { throw refusal }
        return try await next(request, context)
    }

    private func identify(_ request: Request, _ context: inout ServerContext) throws(APIError) {
        let path = request.uri.path
        guard let keys = rules.keys, !rules.isOpen(request.method, path: path) else { return }
        guard let text = Self.key(in: request.headers), let key = keys.find(text) else { throw .invalidKey }
        context.client = ClientIdentity(name: key.name, cachePartition: key.name)
        RequestTrace.current?.name(client: key.name)
        guard let scope = AccessRules.scope(ofPath: path) else { return }
        guard key.scopes.contains(scope) else { throw .missingScope }
        if scope == .inference, let excess = keys.takeRequest(key, at: ConnectionState.now) {
            throw .rateLimited(excess)
        }
    }

    private static func key(in headers: HTTPFields) -> String? {
        if let authorization = headers[.authorization] {
            let parts = authorization.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            return String(parts[1])
        }
        return headers[.apiKey]
    }

    /// A page elsewhere can send a form without asking first, but no JSON.
    private func checkContent(_ request: Request) throws(APIError) {
        if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw .encodedContent
        }
        let type = (request.headers[.contentType] ?? "").prefix { $0 != ";" }
        guard type.filter({ $0 != " " && $0 != "\t" }).lowercased() == "application/json" else {
            throw .wrongContentType
        }
    }

    private func preflight(_ origin: String, _ request: Request) -> Response {
        var headers: HTTPFields = [
            .accessControlAllowMethods: "GET, POST, OPTIONS", .accessControlMaxAge: "600",
            .accessControlAllowHeaders: request.headers[.accessControlRequestHeaders] ?? "authorization, content-type",
        ]
        share(&headers, with: origin)
        return Response(status: .noContent, headers: headers)
    }

    /// Never with credentials: a page must hold the key itself.
    private func share(_ headers: inout HTTPFields, with origin: String?) {
        guard let origin else { return }
        headers[.accessControlAllowOrigin] = origin
        headers[.accessControlExposeHeaders] = "x-request-id, retry-after, retry-after-ms"
        headers[.vary] = "Origin"
    }
}
