public import CoreMetrics
import Synchronization

/// A backend of swift-metrics that is read by Prometheus: text format 0.0.4.
public final class PrometheusRegistry: MetricsFactory {
    /// What a metric tells.
    public struct Description: Sendable {
        var help: String
        /// Upper bounds, ascending; of histograms only.
        var buckets: [Double]

        public init(_ help: String, buckets: [Double] = PrometheusRegistry.secondBuckets) {
            self.help = help
            self.buckets = buckets
        }
    }

    /// From a decoded token of a small model to the first token of a long prompt on a busy CPU.
    public static let secondBuckets = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
    ]
    /// Series of one metric; what comes later is counted under the label "other".
    static let mostSeries = 256

    struct Family {
        var kind: PrometheusSeries.Kind
        var series: [[PrometheusLabel]: PrometheusSeries] = [:]
    }

    private let families = Mutex<[String: Family]>([:])
    private let descriptions: [String: Description]
    private let commonLabels: [PrometheusLabel]

    /// commonLabels: of every series.
    public init(descriptions: [String: Description] = [:], commonLabels: [(String, String)] = []) {
        self.descriptions = descriptions
        self.commonLabels = commonLabels.map(PrometheusLabel.init)
    }

    /// Makes this the backend of all metrics that name none. Once in a process.
    public func bootstrap() { MetricsSystem.bootstrap(self) }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter)
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter)
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge)
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(label, dimensions, aggregate ? .histogram : .gauge)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .histogram)
    }

    // Series live as long as the server, so that rates stay right.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    private func series(
        _ name: String, _ dimensions: [(String, String)], _ kind: PrometheusSeries.Kind
    ) -> PrometheusSeries {
        let name = PrometheusText.name(name)
        let common = commonLabels.filter { label in !dimensions.contains { $0.0 == label.name } }
        var labels = common + dimensions.map(PrometheusLabel.init)
        return families.withLock { families in
            var family = families[name] ?? Family(kind: kind)
            // A name has one kind; a second one counts for itself and is not shown.
            guard family.kind == kind else { return PrometheusSeries(kind, buckets: []) }
            if family.series[labels] == nil, family.series.count >= Self.mostSeries {
                labels = common + dimensions.map { PrometheusLabel(($0.0, "other")) }
            }
            let found = family.series[labels] ?? PrometheusSeries(kind, buckets: buckets(of: name, kind))
            family.series[labels] = found
            families[name] = family
            return found
        }
    }

    private func buckets(of name: String, _ kind: PrometheusSeries.Kind) -> [Double] {
        kind == .histogram ? descriptions[name]?.buckets ?? Self.secondBuckets : []
    }

    /// All metrics as Prometheus reads them.
    public func text() -> String {
        let families = families.withLock { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            PrometheusText.write(name, family, help: descriptions[name]?.help, to: &text)
        }
        return text
    }
}
