import CoreMetrics
import Foundation
import IsterGenerator
@testable import IsterServer
import Testing

struct PrometheusTests {
    /// Lines of the text format, checked as Prometheus does: name, labels, value; one TYPE before a family's samples.
    static func parse(_ text: String) throws -> [String: Double] {
        let sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)$/
        var samples: [String: Double] = [:]
        var family = ""
        var seen: Set<String> = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# TYPE ") {
                family = String(line.split(separator: " ")[2])
                #expect(seen.insert(family).inserted, "\(family) comes twice")
                continue
            }
            if line.hasPrefix("# HELP ") { continue }
            let match = try #require(try sample.wholeMatch(in: line), "\(line)")
            #expect(match.1.hasPrefix(family))
            let key = String(match.1) + String(match.2 ?? "")
            #expect(samples[key] == nil, "\(key) comes twice")
            let number: Double = try #require(Double(String(match.3)), "\(line)")
            samples[key] = number
        }
        return samples
    }

    private static func number(_ text: Substring) throws -> Double {
        guard let number = Double(text) else { throw NoNumber(text: String(text)) }
        return number
    }

    struct NoNumber: Error { var text: String }

    @Test func `counters, gauges and histograms are written as Prometheus reads them`() throws {
        let registry = PrometheusRegistry(
            descriptions: ["seconds": .init("One\nline \\ more", buckets: [0.1, 1])],
            commonLabels: [("model_name", "a\"b\\c\nd")])
        Counter(label: "count_total", factory: registry).increment(by: 3)
        Gauge(label: "gauge", dimensions: [("who", "x")], factory: registry).record(2.5)
        Meter(label: "meter", factory: registry).set(-1)
        let recorder = Recorder(label: "seconds", aggregate: true, factory: registry)
        for value in [0.05, 0.1, 0.5, 299] { recorder.record(value) }
        let text = registry.text()
        let label = #"{model_name="a\"b\\c\nd""#
        let samples = try Self.parse(text)
        #expect(samples["count_total\(label)}"] == 3)
        #expect(samples["gauge\(label),who=\"x\"}"] == 2.5)
        #expect(samples["meter\(label)}"] == -1)
        #expect(samples["seconds_bucket\(label),le=\"0.1\"}"] == 2)
        #expect(samples["seconds_bucket\(label),le=\"1\"}"] == 3)
        #expect(samples["seconds_bucket\(label),le=\"+Inf\"}"] == 4)
        #expect(samples["seconds_count\(label)}"] == 4)
        #expect(samples["seconds_sum\(label)}"] == 299.65)
        #expect(text.contains("# HELP seconds One\\nline \\\\ more\n# TYPE seconds histogram\n"))
        #expect(PrometheusRegistry.secondBuckets.last == 300)
    }

    @Test func `the number of series of one metric is bounded`() throws {
        let registry = PrometheusRegistry()
        for index in 0..<1000 {
            Counter(label: "c_total", dimensions: [("path", "/\(index)")], factory: registry).increment()
        }
        let samples = try Self.parse(registry.text())
        #expect(samples.count == PrometheusRegistry.mostSeries + 1)
        #expect(samples["c_total{path=\"other\"}"] == Double(1000 - PrometheusRegistry.mostSeries))
    }

    @Test func `loads become gauges, totals grow by their differences`() throws {
        let registry = PrometheusRegistry()
        let metrics = OperationMetrics(registry: registry, throttling: { (periods: 7, seconds: 0.5) })
        var load = GeneratorLoad()
        load.runningCount = 3
        load.waitingCount = 2
        load.blockCount = 10
        load.freeBlockCount = 4
        load.stepCount = 100
        load.stepRowCount = 250
        load.promptTokenCount = 200
        load.cachedTokenCount = 20
        load.generatedTokenCount = 50
        _ = metrics.text(load: load, connectionCount: 5)
        load.stepCount = 110
        load.evictionCount = 6
        let samples = try Self.parse(metrics.text(load: load, connectionCount: 5))
        #expect(samples["ister_num_requests_running"] == 3)
        #expect(samples["ister_num_requests_waiting"] == 2)
        #expect(samples["ister_kv_cache_usage_perc"] == 0.6)
        #expect(samples["ister_steps_total"] == 110)
        #expect(samples["ister_step_rows_total"] == 250)
        #expect(samples["ister_prompt_tokens_total"] == 200)
        #expect(samples["ister_cached_prompt_tokens_total"] == 20)
        #expect(samples["ister_generation_tokens_total"] == 50)
        #expect(samples["ister_prefix_cache_evictions_total"] == 6)
        #expect(samples["ister_throttled_periods_total"] == 7)
        #expect(samples["ister_http_connections"] == 5)
    }

    @Test func `the dashboard asks only for metrics that are exported`() async throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Tools/deploy")
        let data = try Data(contentsOf: folder.appending(path: "grafana-dashboard.json"))
        _ = try JSONSerialization.jsonObject(with: data)
        let text = String(decoding: data, as: UTF8.self)
        let names = Set(text.matches(of: /ister_[a-z0-9_]+/).map { String($0.output) })
        #expect(names.count > 10)
        let suffixes = ["_bucket", "_sum", "_count"]
        for name in names {
            let base = suffixes.first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) } ?? name
            #expect(OperationMetrics.descriptions[base] != nil, "\(name)")
        }
    }

    @Test func `a request leaves its marks, and the log has its counts but not its text`() async throws {
        try await TestService.run(generator: FakeGenerator(saying: "secret")) { generator, router in
            if let routes = try? APIRoutes(model: TestModel.served(), generator: generator) { routes.add(to: router) }
        } _: { service in
            let body = #"{"model":"tiny","prompt":"private words","max_tokens":8}"#
            #expect(try await service.post(headers: ["X-Request-Id: mine"], body: body).status == 200)
            _ = try await service.request("GET", "/wp-login.php")
            let samples = try Self.parse(try await service.request("GET", "/metrics").body.dechunked)
            let label = #"{model_name="tiny""#
            #expect(samples["ister_prefix_cache_queries_total\(label)}"] == 13)
            #expect(samples["ister_prefix_cache_hits_total\(label)}"] == 2)
            #expect(samples["ister_http_requests_total\(label),route=\"/v1/completions\",status=\"200\"}"] == 1)
            #expect(samples["ister_http_requests_total\(label),route=\"unknown\",status=\"404\"}"] == 1)
            let line = try #require(service.log.all.first { $0.contains("/v1/completions") })
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(object["request_id"] as? String == "mine")
            #expect(object["status"] as? Int == 200)
            #expect(object["prompt_tokens"] as? Int == 13)
            #expect(object["completion_tokens"] as? Int == 7)
            #expect(object["ms"] is Int)
            #expect(service.log.all.allSatisfy { !$0.contains("private") && !$0.contains("secret") })
        }
    }

    @Test func `several choices have one prompt in the log, and a later one that waits its turn has not failed`()
        async throws
    {
        let generator = FakeGenerator { _, number in
            number == 4 ? [.refuse(.queueFull(waiting: 1, retryAfter: 0.01))] : [.token(97)]
        }
        try await TestService.run(generator: generator) { generator, router in
            if let routes = try? APIRoutes(model: TestModel.served(), generator: generator) { routes.add(to: router) }
        } _: { service in
            let body = #"{"model":"tiny","prompt":["private words","private words"],"max_tokens":1,"n":3}"#
            let answer = try await service.post(body: body)
            #expect(answer.status == 200, "\(answer.body)")
            #expect(generator.requests.map(\.isContinuation) == [false, false, false, false, true, true, true])
            let line = try #require(service.log.all.first { $0.contains("/v1/completions") })
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(object["prompt_tokens"] as? Int == 2 * 13)
            #expect(object["completion_tokens"] as? Int == 6)
            let samples = try Self.parse(try await service.request("GET", "/metrics").body.dechunked)
            #expect(!samples.keys.contains { $0.hasPrefix("ister_request_failure_total") && samples[$0] != 0 })
        }
    }
}

extension String {
    /// A body is sent whole here; nothing to take apart.
    fileprivate var dechunked: String { self }
}
