import IsterCheckpoint

/// One request: seconds since the benchmark's start.
struct BenchServeRecord: Sendable {
    var start: Double
    /// When pieces of text came.
    var pieceTimes: [Double] = []
    /// When the first choice came, with text or without: a token may have none.
    var firstChoiceTime: Double?
    var end = 0.0
    var promptTokens = 0
    var cachedTokens = 0
    var answerTokens = 0
    /// Why it failed; nil: it did not.
    var failure: String?

    init(start: Double) { self.start = start }

    var timeToFirstToken: Double { (pieceTimes.first ?? firstChoiceTime ?? end) - start }
    var wholeTime: Double { end - start }
    /// Neither text nor counted tokens, which are there without text if all are special ones.
    var isEmpty: Bool { pieceTimes.isEmpty && answerTokens == 0 }
    /// Between pieces of text, as a reader sees them.
    var gaps: [Double] { zip(pieceTimes, pieceTimes.dropFirst()).map { $1 - $0 } }
    /// The mean after the first token; nil for answers of one token.
    var timePerToken: Double? {
        answerTokens > 1 ? (wholeTime - timeToFirstToken) / Double(answerTokens - 1) : nil
    }
}

/// Server-sent events out of a stream of bytes.
struct BenchServeStream {
    private var line: [UInt8] = []
    private(set) var isDone = false

    mutating func take(
        _ bytes: some Sequence<UInt8>, at time: Double, _ record: inout BenchServeRecord
    ) throws(JSONError) {
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                continue
            }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            let data = line
            line.removeAll(keepingCapacity: true)
            if data.starts(with: "data:".utf8) {
                try event(Array(data.dropFirst(5).drop { $0 == UInt8(ascii: " ") }), time, &record)
            }
        }
    }

    private mutating func event(
        _ data: [UInt8], _ time: Double, _ record: inout BenchServeRecord
    ) throws(JSONError) {
        if data.elementsEqual("[DONE]".utf8) {
            isDone = true
            return
        }
        guard case .object(let object) = try JSONValue.parse(data) else { return }
        if let error = try object.object("error") {
            record.failure = try error.text("message") ?? "the server sent an error"
        }
        if case .object(let choice)? = try object.array("choices")?.first {
            if record.firstChoiceTime == nil { record.firstChoiceTime = time }
            if let text = try choice.bytes("text"), !text.isEmpty { record.pieceTimes.append(time) }
        }
        if let usage = try object.object("usage") {
            record.promptTokens = try Self.count("prompt_tokens", usage, &record)
            record.answerTokens = try Self.count("completion_tokens", usage, &record)
            if let details = try usage.object("prompt_tokens_details") {
                record.cachedTokens = try Self.count("cached_tokens", details, &record)
            }
        }
    }

    /// Tokens as the server counted them; 0 where it did not. A count that none can be fails the request: sums would
    /// overflow.
    private static func count(
        _ name: String, _ usage: JSONObject, _ record: inout BenchServeRecord
    ) throws(JSONError) -> Int {
        let count = try usage.integer(name) ?? 0
        if (0...1 << 31).contains(count) { return count }
        record.failure = "the server tells \(name) \(count)"
        return 0
    }
}
