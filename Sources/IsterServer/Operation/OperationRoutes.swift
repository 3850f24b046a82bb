import HTTPTypes
import Hummingbird
import IsterGenerator
import NIOCore

/// Health, readiness and metrics. They answer while the model loads and while the server drains.
struct OperationRoutes: Sendable {
    static let paths: Set<String> = ["/health", "/v1/health", "/livez", "/readyz", "/metrics"]

    let state: ServerState
    let metrics: OperationMetrics
    let connectionCount: @Sendable () -> Int
    let load: @Sendable () -> GeneratorLoad?

    func add(to router: Router<ServerContext>) {
        let state = state
        for path in ["health", "v1/health"] {
            router.get(RouterPath(path)) { _, _ throws(APIError) in
                if let refusal = state.refusal { throw refusal }
                return Response(Self.ok)
            }
        }
        let load = load
        router.get("readyz") { _, _ throws(APIError) in
            if let refusal = state.unreadiness { throw refusal }
            // The same as a request would be told.
            if load()?.isFull == true { throw APIError.queueFull }
            return Response(Self.ok)
        }
        // The process runs and its event loop turns: a long prompt must not get it killed.
        router.get("livez") { _, _ in Response(Self.ok) }
        let (metrics, connectionCount) = (metrics, connectionCount)
        router.get("metrics") { _, _ in
            let text = metrics.text(load: load(), connectionCount: connectionCount())
            return Response(
                status: .ok, headers: [.contentType: PrometheusText.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        }
    }

    private static let ok: JSONValue = ["status": "ok"]
}
