import IsterGenerator

/// Writes a generation as it comes: text on stdout and a line of figures on stderr, or JSON objects on stdout.
struct GenerationPrinter {
    let json: Bool
    let sampling: Sampling
    private var tokenCount = 0

    init(json: Bool, sampling: Sampling) {
        self.json = json
        self.sampling = sampling
    }

    mutating func print(_ event: GenerationEvent) throws(Failure) {
        switch event {
        case .accepted, .started, .promptScores, .embedding: break
        case .token(let token):
            if json {
                try StandardOutput.write(tokenObject(token.id, token.text).line)
            } else if !token.text.isEmpty {
                try StandardOutput.write(token.text)
            }
            tokenCount += 1
        case .done(let summary):
            try StandardOutput.write(json ? doneObject(summary).line : Array((summary.tail + "\n").utf8))
            StandardError.write(figures(summary))
        }
    }

    private func tokenObject(_ id: Int32, _ text: String) -> JSONText {
        .object([
            ("event", .string("token")), ("index", .integer(tokenCount)), ("id", .integer(Int(id))),
            ("text", .string(text)),
        ])
    }

    private func doneObject(_ summary: GenerationSummary) -> JSONText {
        .object([
            ("event", .string("done")),
            ("ids", .ids(summary.ids)),
            ("text", .string(summary.text)),
            ("finish_reason", .string(summary.finishReason.rawValue)),
            ("prompt_tokens", .integer(summary.promptTokenCount)),
            ("completion_tokens", .integer(summary.ids.count)),
            ("seed", seed),
            ("timings", summary.timings.json),
        ])
    }

    /// null when nothing was drawn.
    private var seed: JSONText {
        if case .random(_, let seed, _) = sampling { .unsigned(seed) } else { .null }
    }

    private func figures(_ summary: GenerationSummary) -> String {
        let timings = summary.timings
        let cached = summary.cachedTokenCount > 0 ? " (\(summary.cachedTokenCount) cached)" : ""
        var parts = [
            "prompt \(summary.promptTokenCount) tokens\(cached) at \(decimals(timings.promptTokensPerSecond, 1)) tokens/s",
            "generated \(summary.ids.count)"
                + (timings.decodedTokenCount > 0
                    ? " at \(decimals(timings.decodedTokensPerSecond, 1)) tokens/s" : ""),
            "finish reason \(summary.finishReason.rawValue)",
        ]
        if case .random(_, let seed, _) = sampling { parts.append("seed \(seed)") }
        return parts.joined(separator: ", ") + "\n"
    }
}

extension GenerationTimings {
    /// llama-server's key names.
    var json: JSONText {
        .object([
            ("prompt_n", .integer(promptTokenCount)),
            ("prompt_ms", .number(promptSeconds * 1000)),
            ("prompt_per_second", .number(promptTokensPerSecond)),
            ("predicted_n", .integer(decodedTokenCount)),
            ("predicted_ms", .number(decodeSeconds * 1000)),
            ("predicted_per_second", .number(decodedTokensPerSecond)),
        ])
    }
}
