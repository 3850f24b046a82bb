import IsterGenerator

/// Counts and times of one HTTP request's choices.
struct Usage: Sendable {
    private var promptTokens = 0
    private var cachedTokens = 0
    private var completionTokens = 0
    private var timings = GenerationTimings(
        promptTokenCount: 0, promptSeconds: 0, decodedTokenCount: 0, decodeSeconds: 0)

    /// countsPrompt: false for further choices of the same prompt.
    mutating func add(_ summary: GenerationSummary, countsPrompt: Bool) {
        if countsPrompt {
            promptTokens += summary.promptTokenCount
            cachedTokens += summary.cachedTokenCount
        }
        completionTokens += summary.ids.count
        timings.promptTokenCount += summary.timings.promptTokenCount
        timings.promptSeconds += summary.timings.promptSeconds
        timings.decodedTokenCount += summary.timings.decodedTokenCount
        timings.decodeSeconds += summary.timings.decodeSeconds
    }

    var json: JSONValue {
        [
            "prompt_tokens": .integer(promptTokens), "completion_tokens": .integer(completionTokens),
            "total_tokens": .integer(promptTokens + completionTokens),
            "prompt_tokens_details": ["cached_tokens": .integer(cachedTokens)],
        ]
    }

    var embeddingJSON: JSONValue {
        ["prompt_tokens": .integer(promptTokens), "total_tokens": .integer(promptTokens)]
    }

    /// llama.cpp's names. The rate of prediction leaves out the first token, which the prompt's time pays for.
    var timingsJSON: JSONValue {
        func milliseconds(_ seconds: Double, per count: Int) -> JSONValue {
            .number(count > 0 ? Self.rounded(seconds * 1000 / Double(count)) : 0)
        }
        return [
            "cache_n": .integer(cachedTokens),
            "prompt_n": .integer(timings.promptTokenCount),
            "prompt_ms": .number(Self.rounded(timings.promptSeconds * 1000)),
            "prompt_per_token_ms": milliseconds(timings.promptSeconds, per: timings.promptTokenCount),
            "prompt_per_second": .number(Self.rounded(timings.promptTokensPerSecond)),
            "predicted_n": .integer(completionTokens),
            "predicted_ms": .number(Self.rounded(timings.decodeSeconds * 1000)),
            "predicted_per_token_ms": milliseconds(timings.decodeSeconds, per: timings.decodedTokenCount),
            "predicted_per_second": .number(Self.rounded(timings.decodedTokensPerSecond)),
        ]
    }

    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
