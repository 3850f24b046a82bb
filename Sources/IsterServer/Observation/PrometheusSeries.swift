import CoreMetrics
import Synchronization

struct PrometheusLabel: Hashable, Sendable {
    let name: String
    let value: String

    init(_ pair: (String, String)) {
        name = PrometheusText.name(pair.0)
        value = pair.1
    }
}

/// One metric with one set of labels.
final class PrometheusSeries: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
    enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    struct Value: Sendable {
        /// Of a histogram: the sum of all values.
        var number = 0.0
        /// Values up to each bound, not summed up, and those above the last.
        var counts: [UInt64]
    }

    let kind: Kind
    let buckets: [Double]
    private let state: Mutex<Value>

    init(_ kind: Kind, buckets: [Double]) {
        self.kind = kind
        self.buckets = buckets
        state = Mutex(Value(counts: kind == .histogram ? Array(repeating: 0, count: buckets.count + 1) : []))
    }

    var value: Value { state.withLock { $0 } }

    func increment(by amount: Int64) { increment(by: Double(amount)) }
    func increment(by amount: Double) { state.withLock { $0.number += amount } }
    func decrement(by amount: Double) { increment(by: -amount) }
    func reset() { state.withLock { $0.number = 0 } }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { state.withLock { $0.number = value } }
    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) * 1e-9) }

    func record(_ value: Double) {
        guard kind == .histogram else { return set(value) }
        let bucket = buckets.firstIndex { value <= $0 } ?? buckets.count
        state.withLock { state in
            state.number += value
            state.counts[bucket] += 1
        }
    }
}
