import IsterGenerator
import Metrics

/// What the routes measure, under vLLM's names.
final class ServerMetrics: Sendable {
    private let timeToFirstToken: Recorder
    private let interTokenLatency: Recorder
    private let endToEnd: Recorder
    private let queueTime: Recorder
    private let prefillTime: Recorder
    private let decodeTime: Recorder
    private let successes: [FinishReason: Counter]

    init(modelName: String, factory: any MetricsFactory) {
        let dimensions = [("model_name", modelName)]
        func seconds(_ name: String) -> Recorder {
            Recorder(label: "ister_\(name)_seconds", dimensions: dimensions, aggregate: true, factory: factory)
        }
        timeToFirstToken = seconds("time_to_first_token")
        interTokenLatency = seconds("inter_token_latency")
        endToEnd = seconds("e2e_request_latency")
        queueTime = seconds("request_queue_time")
        prefillTime = seconds("request_prefill_time")
        decodeTime = seconds("request_decode_time")
        let reasons: [FinishReason] = [.stop, .length, .cancelled, .deadline]
        successes = Dictionary(
            uniqueKeysWithValues: reasons.map { reason in
                let name = reason == .cancelled ? "abort" : reason.rawValue
                let dimensions = [("finished_reason", name)] + dimensions
                return (
                    reason, Counter(label: "ister_request_success_total", dimensions: dimensions, factory: factory)
                )
            })
    }

    func firstToken(after duration: Duration) { timeToFirstToken.record(duration.inSeconds) }
    func nextToken(after duration: Duration) { interTokenLatency.record(duration.inSeconds) }

    func done(_ summary: GenerationSummary, after duration: Duration) {
        endToEnd.record(duration.inSeconds)
        queueTime.record(summary.timings.queueSeconds)
        prefillTime.record(summary.timings.promptSeconds)
        decodeTime.record(summary.timings.decodeSeconds)
        successes[summary.finishReason]?.increment()
    }

    /// The client left before the end.
    func left() { successes[.cancelled]?.increment() }
}

/// Measures one request from when it was handed to the generator.
struct RequestTimes {
    private let metrics: ServerMetrics
    private let isText: Bool
    private let start: ContinuousClock.Instant
    private var lastToken: ContinuousClock.Instant?
    private var isDone = false

    init(metrics: ServerMetrics, isText: Bool, start: ContinuousClock.Instant = .now) {
        self.metrics = metrics
        self.isText = isText
        self.start = start
    }

    mutating func record(_ event: GenerationEvent, at now: ContinuousClock.Instant = .now) {
        switch event {
        case .token where isText:
            if let lastToken {
                metrics.nextToken(after: now - lastToken)
            } else {
                metrics.firstToken(after: now - start)
            }
            lastToken = now
        case .done(let summary):
            isDone = true
            metrics.done(summary, after: now - start)
        default: break
        }
    }

    /// The stream is over.
    func end() {
        if !isDone { metrics.left() }
    }
}

extension Duration {
    fileprivate var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
