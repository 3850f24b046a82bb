import CoreMetrics
import IsterGenerator
import Synchronization
import Testing

@testable import IsterServer

/// Keeps what is recorded, by name and finish reason.
final class MetricsLog: MetricsFactory, Sendable {
    final class Series: CounterHandler, RecorderHandler, MeterHandler, TimerHandler, Sendable {
        let name: String
        let log: MetricsLog

        init(_ name: String, _ log: MetricsLog) {
            self.name = name
            self.log = log
        }

        private func add(_ value: Double) { log.values.withLock { $0[name, default: []].append(value) } }
        func increment(by amount: Int64) { add(Double(amount)) }
        func record(_ value: Int64) { add(Double(value)) }
        func record(_ value: Double) { add(value) }
        func recordNanoseconds(_ duration: Int64) { add(Double(duration)) }
        func set(_ value: Int64) { add(Double(value)) }
        func set(_ value: Double) { add(value) }
        func increment(by amount: Double) { add(amount) }
        func decrement(by amount: Double) { add(-amount) }
        func reset() {}
    }

    let values = Mutex<[String: [Double]]>([:])

    private func series(_ label: String, _ dimensions: [(String, String)]) -> Series {
        let reason = dimensions.first { $0.0 == "finished_reason" }.map { ":" + $0.1 } ?? ""
        let model = dimensions.contains { $0 == ("model_name", "tiny") } ? "" : "?"
        return Series(label + reason + model, self)
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { series(label, dimensions) }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(label, dimensions)
    }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { series(label, dimensions) }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { series(label, dimensions) }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}

@Suite struct MetricsTests {
    @Test func `a request is measured under vLLM's names`() async throws {
        let log = MetricsLog()
        let generator = FakeGenerator { _, _ in [.token(97), .token(98), .token(TestModel.end)] }
        let server = try TestServer(generator, metrics: log)
        _ = try await server.post("/v1/completions", "{\"model\":\"tiny\",\"prompt\":\"abc\"}")
        let values = log.values.withLock { $0 }
        #expect(values["ister_time_to_first_token_seconds"]?.count == 1)
        #expect(values["ister_inter_token_latency_seconds"]?.count == 2)
        #expect(values["ister_e2e_request_latency_seconds"]?.count == 1)
        #expect(values["ister_request_queue_time_seconds"] == [0.5])
        #expect(values["ister_request_prefill_time_seconds"] == [0.25])
        #expect(values["ister_request_decode_time_seconds"] == [0.5])
        #expect(values["ister_request_success_total:stop"] == [1])
        #expect(!values.keys.contains { $0.hasSuffix("?") })
    }

    @Test func `times are those between the events`() throws {
        let log = MetricsLog()
        let start = ContinuousClock.now
        var times = RequestTimes(
            metrics: ServerMetrics(modelName: "tiny", factory: log), isText: true, start: start)
        for milliseconds in [250, 300, 450] {
            times.record(.token(GeneratedToken(id: 1, text: "a")), at: start + .milliseconds(milliseconds))
        }
        let values = log.values.withLock { $0 }
        #expect(values["ister_time_to_first_token_seconds"] == [0.25])
        let gaps = try #require(values["ister_inter_token_latency_seconds"])
        #expect(gaps.count == 2 && abs(gaps[0] - 0.05) < 1e-9 && abs(gaps[1] - 0.15) < 1e-9)
    }

    @Test func `a refused request is no success`() async throws {
        let log = MetricsLog()
        let generator = FakeGenerator { _, _ in [.refuse(.stopping)] }
        _ = try await TestServer(generator, metrics: log).post(
            "/v1/completions", "{\"model\":\"tiny\",\"prompt\":\"abc\"}")
        #expect(log.values.withLock { $0.isEmpty })
    }
}
