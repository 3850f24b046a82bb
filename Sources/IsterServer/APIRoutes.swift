public import Hummingbird
public import IsterGenerator
public import CoreMetrics

/// The routes of the API for one model.
public struct APIRoutes: Sendable {
    private let api: API

    /// Throws when the model's chat template cannot be read. preparation: ends with the server; one that is made here
    /// ends with the routes.
    public init(
        model: ServedModel, generator: any TextGenerator, options: APIOptions = APIOptions(),
        metrics: any MetricsFactory = MetricsSystem.factory, preparation: PreparationPool = PreparationPool()
    ) throws {
        api = try API(
            model: model, generator: generator, options: options, metrics: metrics, preparation: preparation)
    }

    public func add(to router: Router<ServerContext>) {
        let api = api
        router.get("v1/models") { _, _ in api.modelList() }
        // Names may be paths: "org/name".
        router.get("v1/models/**") { _, context throws in
            try api.model(context.parameters.getCatchAll().joined(separator: "/"))
        }
        router.post("v1/chat/completions") { request, context in try await api.chat(request, context) }
        router.post("v1/completions") { request, context in try await api.completions(request, context) }
        router.post("v1/embeddings") { request, context in try await api.embeddings(request, context) }
        router.post("tokenize") { request, context in try await api.tokenize(request, context) }
        router.post("detokenize") { request, context in try await api.detokenize(request, context) }
        router.post("apply-template") { request, context in try await api.applyTemplate(request, context) }
    }
}
