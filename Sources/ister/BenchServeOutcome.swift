import IsterEvaluation

/// What a benchmark of a server measured.
struct BenchServeOutcome {
    let plan: BenchServePlan
    let url: String
    let model: String
    let promptForm: BenchServePrompts.Form
    /// In the order of their starts.
    var records: [BenchServeRecord] = []
    /// The long prompt that came at half time.
    var long: BenchServeRecord?

    init(plan: BenchServePlan, url: String, model: String, promptForm: BenchServePrompts.Form) {
        self.plan = plan
        self.url = url
        self.model = model
        self.promptForm = promptForm
    }

    var completed: [BenchServeRecord] { records.filter { $0.failure == nil } }

    /// From the first request sent to the last one answered.
    var duration: Double { (completed.map(\.end).max() ?? 0) - (completed.map(\.start).min() ?? 0) }
    var promptTokens: Int { completed.reduce(0) { $0 + $1.promptTokens } }
    var cachedTokens: Int { completed.reduce(0) { $0 + $1.cachedTokens } }
    var answerTokens: Int { completed.reduce(0) { $0 + $1.answerTokens } }

    func perSecond(_ count: Int) -> Double { duration > 0 ? Double(count) / duration : 0 }

    /// vLLM's names, seconds.
    var latencies: [(name: String, values: [Double])] {
        [
            ("ttft", completed.map(\.timeToFirstToken)), ("tpot", completed.compactMap(\.timePerToken)),
            ("itl", completed.flatMap(\.gaps)), ("e2el", completed.map(\.wholeTime)),
        ]
    }

    /// A long prompt that waited while no request was being answered tells nothing about a server under load: it has
    /// failed.
    mutating func requireLoadDuringLongPrompt() {
        guard let long, long.failure == nil else { return }
        let first = long.start + long.timeToFirstToken
        if completed.contains(where: { $0.start < first && $0.end > long.start }) { return }
        self.long?.failure = "no request was being answered while it waited"
    }

    /// Times between pieces that ended while the long prompt waited for its first token.
    var gapsDuringLongPrompt: [Double]? {
        guard let long, long.failure == nil else { return nil }
        let first = long.start + long.timeToFirstToken
        return completed.flatMap { record in
            zip(record.pieceTimes, record.pieceTimes.dropFirst())
                .filter { $1 > long.start && $0 < first }.map { $1 - $0 }
        }
    }
}

/// Mean and percentiles of one kind of time.
struct LatencySummary: Equatable {
    var mean: Double
    var median: Double
    var p90: Double
    var p99: Double
    var maximum: Double

    /// nil: no values.
    init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let sorted = SortedValues(values)
        mean = values.reduce(0, +) / Double(values.count)
        median = sorted.quantile(0.5)
        p90 = sorted.quantile(0.9)
        p99 = sorted.quantile(0.99)
        maximum = sorted.quantile(1)
    }
}
