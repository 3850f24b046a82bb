import ArgumentParser
import Foundation
import Testing

@testable import ister

struct BenchServeTests {
    private let plan = BenchServePlan(
        arrival: .rate(20), requestCount: 4000, promptTokens: 12, answerTokens: 3, sharedPrefix: 5, longPrompt: nil,
        warmupCount: 0, seed: 3)

    @Test func `arrivals are a Poisson process of the rate, the same for a seed`() {
        let times = plan.arrivals(rate: 20)
        let gaps = zip(times, times.dropFirst()).map { $1 - $0 }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
        // Five standard errors of an exponential distribution's mean over 3999 gaps; its deviation is its mean.
        #expect(abs(mean - 0.05) < 5 * 0.05 / 63)
        #expect(abs(variance.squareRoot() - mean) < 0.1 * mean)
        #expect(times == plan.arrivals(rate: 20) && times.first == 0)
    }

    /// The published generator's first number; measurements are compared across versions, so their prompts must not
    /// change.
    @Test func `prompts are drawn with SplitMix64`() {
        var random = SplitMix64(seed: 0)
        #expect(random.next() == 0xE220_A839_7B1D_CDAF)
    }

    @Test func `prompts share their prefix and nothing else`() throws {
        let prompts = BenchServePrompts(form: .ids, seed: 9)
        guard case .ids(let first) = prompts.prompt(0, tokens: 40, shared: 10),
            case .ids(let second) = prompts.prompt(1, tokens: 40, shared: 10),
            case .ids(let again) = prompts.prompt(1, tokens: 40, shared: 10)
        else {
            Issue.record("no ids")
            return
        }
        #expect(first.count == 40 && first[..<10] == second[..<10] && first[10...] != second[10...])
        #expect(second == again)
        guard
            case .text(let text) = BenchServePrompts(form: .words(tokensPerWord: 2), seed: 9)
                .prompt(0, tokens: 40, shared: 0)
        else {
            Issue.record("no text")
            return
        }
        #expect(text.split(separator: " ").count == 20)
    }

    @Test func `a stream is read wherever it is cut`() throws {
        let text = """
            : ping

            data: {"choices":[{"text":"a"}]}\r
            \r
            data: {"choices":[{"text":""}],"usage":null}

            data: {"choices":[{"text":"b"}]}

            data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}

            data: [DONE]


            """
        for cut in 0..<text.utf8.count {
            var stream = BenchServeStream()
            var record = BenchServeRecord(start: 0)
            try stream.take(text.utf8.prefix(cut), at: 1, &record)
            try stream.take(text.utf8.dropFirst(cut), at: 2, &record)
            #expect(stream.isDone && record.pieceTimes.count == 2 && record.failure == nil)
            #expect(record.promptTokens == 5 && record.answerTokens == 2 && record.cachedTokens == 4)
        }
    }

    @Test func `the long prompt is sent when half of the answers' pieces have come, and only once`() {
        let counter = BenchServeLoad.Counter(limit: 3, piecesPerAnswer: 4)
        #expect((0..<4).map { _ in counter.next() } == [0, 1, 2, nil])
        #expect([2, 3, 2, 4].map { counter.count(pieces: $0) } == [false, false, true, false])
        #expect([4, 4, 4].map { counter.finish(pieces: $0) } == [false, false, true])
    }

    @Test func `answers of several tokens a piece are half over with half of their pieces`() {
        // 16 tokens were expected in as many pieces, and come in 4.
        let counter = BenchServeLoad.Counter(limit: 4, piecesPerAnswer: 16)
        #expect(!counter.count(pieces: 4) && !counter.finish(pieces: 4))
        #expect(!counter.count(pieces: 3) && counter.count(pieces: 1))
        #expect(!counter.finish(pieces: 4))
        // The first whole answer tells that half was over before.
        let late = BenchServeLoad.Counter(limit: 2, piecesPerAnswer: 16)
        #expect(!late.count(pieces: 6) && late.finish(pieces: 4))
    }

    @Test func `requests that fail are no part of the half that is waited for`() {
        let counter = BenchServeLoad.Counter(limit: 4, piecesPerAnswer: 8)
        #expect(!counter.finish(pieces: nil) && !counter.finish(pieces: nil))
        #expect(!counter.count(pieces: 7) && counter.count(pieces: 1))
    }

    @Test func `a long prompt that no other request met has failed`() {
        for (end, meets) in [(1.5, false), (2.5, true)] {
            var outcome = BenchServeOutcome(plan: plan, url: "http://x", model: "a", promptForm: .ids)
            var record = BenchServeRecord(start: 0)
            record.pieceTimes = [0.5, end]
            record.end = end
            outcome.records = [record]
            outcome.long = BenchServeRecord(start: 2)
            outcome.long?.pieceTimes = [3]
            outcome.requireLoadDuringLongPrompt()
            #expect((outcome.long?.failure == nil) == meets)
            #expect((outcome.gapsDuringLongPrompt == nil) != meets)
        }
    }

    @Test(arguments: [-1, 1 << 32, Int.max])
    func `a count of tokens that none can be fails the request`(count: Int) throws {
        for usage in [
            "\"prompt_tokens\":\(count)", "\"completion_tokens\":\(count)",
            "\"prompt_tokens_details\":{\"cached_tokens\":\(count)}",
        ] {
            var stream = BenchServeStream()
            var record = BenchServeRecord(start: 0)
            try stream.take("data: {\"usage\":{\(usage)}}\n\n".utf8, at: 1, &record)
            #expect(record.failure?.contains("\(count)") == true)
            #expect(record.promptTokens == 0 && record.answerTokens == 0 && record.cachedTokens == 0)
        }
    }

    @Test(arguments: ["0", "1e-20", "1e-7", "-1", "nan", "inf", "10001"])
    func `a rate that no clock can keep is refused by name`(rate: String) {
        let error = #expect(throws: (any Error).self) {
            try BenchServe.parse(["http://127.0.0.1:1", "--rate=\(rate)"])
        }
        guard let error else { return }
        #expect(BenchServe.message(for: error).contains("--rate"))
        #expect(BenchServe.exitCode(for: error) == .validationFailure)
    }

    @Test func `a key is one line of what a header can hold, and what is wrong with it does not tell it`() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "ister-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        func read(_ text: String) throws -> String? {
            try Data(text.utf8).write(to: file)
            return try BenchServeKey.read(file: file.path, environment: [:])
        }
        #expect(try read("sk-secret\r\n") == "sk-secret")
        for text in ["sk-secret\nsk-other", "sk-\u{7F}secret", "sk-secrét", " \n"] {
            let failure = #expect(throws: Failure.self) { try read(text) }
            #expect(failure?.code == .configuration)
            #expect(failure?.message.hasPrefix(file.path) == true && failure?.message.contains("sk-") == false)
        }
    }

    @Test func `an empty key of the environment is none`() throws {
        func read(_ environment: [String: String]) throws -> String? {
            try BenchServeKey.read(file: nil, environment: environment)
        }
        #expect(try read(["ISTER_API_KEY": ""]) == nil)
        #expect(try read(["ISTER_API_KEY": "", "OPENAI_API_KEY": "b"]) == "b")
        #expect(try read(["ISTER_API_KEY": "a", "OPENAI_API_KEY": "b"]) == "a")
        let failure = #expect(throws: Failure.self) { try read(["ISTER_API_KEY": "a\nb"]) }
        #expect(failure?.code == .configuration && failure?.message.hasPrefix("ISTER_API_KEY") == true)
    }

    @Test func `tokens without text are an answer`() throws {
        let text = """
            data: {"choices":[{"text":"","finish_reason":"length"}]}

            data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}}

            data: [DONE]


            """
        var stream = BenchServeStream()
        var record = BenchServeRecord(start: 0)
        try stream.take(text.utf8, at: 2, &record)
        record.end = 3
        #expect(!record.isEmpty && record.timeToFirstToken == 2 && record.gaps.isEmpty)
        #expect(BenchServeRecord(start: 0).isEmpty)
    }

    @Test func `at a rate no request waits for a connection`() {
        var plan = plan
        #expect(plan.mostUnanswered == 4000)
        plan.longPrompt = 100
        #expect(plan.mostUnanswered == 4001)
        plan.arrival = .clients(8)
        #expect(plan.mostUnanswered == 9)
    }

    @Test func `a long prompt that failed is told`() {
        var plan = plan
        plan.longPrompt = 100
        var outcome = BenchServeOutcome(plan: plan, url: "http://x", model: "a", promptForm: .ids)
        outcome.long = BenchServeRecord(start: 1)
        outcome.long?.failure = "too long"
        let json = String(decoding: BenchServeReport(outcome: outcome).text(.json), as: UTF8.self)
        #expect(json.contains(#""long_prompt_error":"too long""#))
    }

    @Test func `an error inside a stream is a failure`() throws {
        var stream = BenchServeStream()
        var record = BenchServeRecord(start: 0)
        try stream.take("data: {\"error\":{\"message\":\"gone\"}}\n\n".utf8, at: 1, &record)
        #expect(record.failure == "gone" && !stream.isDone)
    }

    @Test func `times are vLLM's`() throws {
        var record = BenchServeRecord(start: 1)
        record.pieceTimes = [1.5, 1.75, 2.25]
        record.answerTokens = 3
        record.end = 2.5
        #expect(record.timeToFirstToken == 0.5 && record.wholeTime == 1.5 && record.gaps == [0.25, 0.5])
        #expect(record.timePerToken == 0.5)
        let summary = try #require(LatencySummary([4, 1, 3, 2]))
        #expect(summary.mean == 2.5 && summary.median == 2.5 && summary.maximum == 4)
        #expect(abs(summary.p90 - 3.7) < 1e-12)
        #expect(LatencySummary([]) == nil)
    }

    @Test func `reports and pictures of no and of some requests are well formed`() throws {
        for count in [0, 1, 3] {
            var outcome = BenchServeOutcome(plan: plan, url: "http://x", model: "a<b", promptForm: .ids)
            for index in 0..<count {
                var record = BenchServeRecord(start: Double(index))
                record.pieceTimes = [Double(index) + 0.5, Double(index) + 0.75]
                record.end = Double(index) + 0.75
                (record.promptTokens, record.answerTokens) = (12, 2)
                outcome.records.append(record)
            }
            let report = BenchServeReport(outcome: outcome)
            let csv = String(decoding: report.text(.csv), as: UTF8.self).split(separator: "\n")
            #expect(csv.count == 2)
            #expect(csv[0].split(separator: ",").count > 30)
            let svg = BenchServePicture(outcome: outcome).svg
            #expect(svg.contains("a&lt;b") && !svg.contains("nan") && !svg.contains("inf"))
        }
    }
}
