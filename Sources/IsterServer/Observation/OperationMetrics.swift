import CoreMetrics
import IsterGenerator
import Synchronization

/// What the server measures beside the requests themselves (`ServerMetrics`): its load, its cache, its connections.
public final class OperationMetrics: Sendable {
    public let registry: PrometheusRegistry
    private let cacheQueries: Counter
    private let cacheHits: Counter
    private let snapshots: SnapshotMetrics

    /// - Parameters:
    ///   - registry: made with `OperationMetrics.descriptions`.
    ///   - throttling: periods and seconds that the control group's quota stopped the process; nil where none is set.
    public init(
        registry: PrometheusRegistry, version: String = "", isa: String = "",
        throttling: @escaping @Sendable () -> (periods: UInt64, seconds: Double)? = { nil }
    ) {
        self.registry = registry
        cacheQueries = Counter(label: "ister_prefix_cache_queries_total", factory: registry)
        cacheHits = Counter(label: "ister_prefix_cache_hits_total", factory: registry)
        snapshots = SnapshotMetrics(registry, throttling: throttling)
        let info = Meter(
            label: "ister_build_info", dimensions: [("version", version), ("isa", isa)], factory: registry)
        info.set(1)
    }

    func countPrompt(tokens: Int, cached: Int) {
        cacheQueries.increment(by: tokens)
        cacheHits.increment(by: cached)
    }

    func countFailure(_ error: any Error) {
        let reason =
            switch error as? GenerationError {
            case .queueFull, .waitedTooLong: "queue"
            case .clientLimit: "client_limit"
            case .stopping: "stopping"
            case .modelDamaged: "model_damaged"
            case .emptyPrompt, .promptTooLong, .tokenOutOfRange, .settingOutOfRange: "invalid"
            case nil: "other"
            }
        Counter(label: "ister_request_failure_total", dimensions: [("reason", reason)], factory: registry).increment()
    }

    func countRequest(route: String, status: Int) {
        let dimensions = [("route", route), ("status", String(status))]
        Counter(label: "ister_http_requests_total", dimensions: dimensions, factory: registry).increment()
    }

    /// Requests that never reached a route.
    func countRefusal(_ error: APIError) {
        let dimensions = [("code", error.code ?? "")]
        Counter(label: "ister_http_refused_total", dimensions: dimensions, factory: registry).increment()
    }

    /// The text of `/metrics`. load: nil while the model is being loaded.
    func text(load: GeneratorLoad?, connectionCount: Int) -> String {
        snapshots.update(load, connectionCount: connectionCount)
        return registry.text()
    }
}

/// Metrics that are read when they are asked for.
private final class SnapshotMetrics: Sendable {
    private struct Total: Sendable {
        let counter: FloatingPointCounter
        let value: @Sendable (GeneratorLoad) -> Double
    }

    private struct Last {
        var load = GeneratorLoad()
        var periods = 0.0
        var seconds = 0.0
    }

    private let running: Meter
    private let waiting: Meter
    private let cacheUsage: Meter
    private let connections: Meter
    private let totals: [Total]
    private let throttledPeriods: FloatingPointCounter
    private let throttledSeconds: FloatingPointCounter
    private let throttling: @Sendable () -> (periods: UInt64, seconds: Double)?
    private let last = Mutex(Last())

    init(_ registry: PrometheusRegistry, throttling: @escaping @Sendable () -> (periods: UInt64, seconds: Double)?) {
        running = Meter(label: "ister_num_requests_running", factory: registry)
        waiting = Meter(label: "ister_num_requests_waiting", factory: registry)
        cacheUsage = Meter(label: "ister_kv_cache_usage_perc", factory: registry)
        connections = Meter(label: "ister_http_connections", factory: registry)
        func counter(_ name: String) -> FloatingPointCounter { FloatingPointCounter(label: name, factory: registry) }
        totals = [
            // Counted at each step: work that was done counts also where its request did not come to an end.
            Total(counter: counter("ister_prompt_tokens_total")) { Double($0.promptTokenCount) },
            Total(counter: counter("ister_cached_prompt_tokens_total")) { Double($0.cachedTokenCount) },
            Total(counter: counter("ister_generation_tokens_total")) { Double($0.generatedTokenCount) },
            Total(counter: counter("ister_num_preemptions_total")) { Double($0.preemptionCount) },
            Total(counter: counter("ister_prefix_cache_evictions_total")) { Double($0.evictionCount) },
            Total(counter: counter("ister_steps_total")) { Double($0.stepCount) },
            Total(counter: counter("ister_step_rows_total")) { Double($0.stepRowCount) },
            Total(counter: counter("ister_step_seconds_total")) { $0.stepSeconds },
        ]
        throttledPeriods = counter("ister_throttled_periods_total")
        throttledSeconds = counter("ister_throttled_seconds_total")
        self.throttling = throttling
    }

    func update(_ load: GeneratorLoad?, connectionCount: Int) {
        connections.set(connectionCount)
        // One reader at a time, or a difference would be added twice.
        last.withLock { last in
            if let now = throttling() {
                throttledPeriods.increment(by: max(Double(now.periods) - last.periods, 0))
                throttledSeconds.increment(by: max(now.seconds - last.seconds, 0))
                (last.periods, last.seconds) = (Double(now.periods), now.seconds)
            }
            guard let load else { return }
            running.set(load.runningCount)
            waiting.set(load.waitingCount)
            let used = Double(load.blockCount - load.freeBlockCount)
            cacheUsage.set(load.blockCount > 0 ? used / Double(load.blockCount) : 0)
            for total in totals { total.counter.increment(by: max(total.value(load) - total.value(last.load), 0)) }
            last.load = load
        }
    }
}

extension OperationMetrics {
    public static let descriptions: [String: PrometheusRegistry.Description] = [
        "ister_time_to_first_token_seconds": .init("From a request's arrival at the generator to its first token."),
        "ister_inter_token_latency_seconds": .init("Between two tokens of one request."),
        "ister_e2e_request_latency_seconds": .init("From a request's arrival at the generator to its end."),
        "ister_request_queue_time_seconds": .init("Waiting for a turn."),
        "ister_request_prefill_time_seconds": .init("Computing the prompt."),
        "ister_request_decode_time_seconds": .init("Decoding after the first token."),
        "ister_prompt_tokens_total": .init("Tokens of prompts whose computing has begun, cached ones included."),
        "ister_cached_prompt_tokens_total": .init("Tokens of prompts that needed no computing."),
        "ister_generation_tokens_total": .init("Generated tokens."),
        "ister_prefix_cache_queries_total": .init("Prompt tokens that were looked up in the prefix cache."),
        "ister_prefix_cache_hits_total": .init("Prompt tokens that were found in the prefix cache."),
        "ister_prefix_cache_evictions_total": .init("Cached blocks of 16 tokens that were given to other tokens."),
        "ister_request_success_total": .init("Requests that ran to an end, by its reason."),
        "ister_request_failure_total": .init("Requests that the generator refused or that were ended by an error."),
        "ister_num_requests_running": .init("Requests that are being computed."),
        "ister_num_requests_waiting": .init("Requests that wait for their turn."),
        "ister_kv_cache_usage_perc": .init("Share of the key/value cache that running requests hold, 0 to 1."),
        "ister_num_preemptions_total": .init("Requests that gave their cache blocks to others and were resumed."),
        "ister_steps_total": .init("Forward calls."),
        "ister_step_rows_total": .init("Rows of all forward calls; by calls: the mean batch size."),
        "ister_step_seconds_total": .init("Time in forward calls."),
        "ister_throttled_periods_total": .init("Periods in which the CPU quota stopped the process."),
        "ister_throttled_seconds_total": .init("Time for which the CPU quota stopped the process's threads."),
        "ister_http_connections": .init("Open connections."),
        "ister_http_requests_total": .init("Answered requests, by route and status."),
        "ister_http_refused_total": .init("Requests that broke a limit before they reached a route."),
        "ister_build_info": .init("Always 1; the labels tell the version and the instruction set."),
    ]
}
