import IsterGenerator

/// What was said so far, and what it cost.
struct ChatConversation {
    struct Turn: Equatable {
        var question: String
        var answer: String
    }

    var systemPrompt: String?
    private(set) var turns: [Turn] = []
    private(set) var lastSummary: GenerationSummary?
    private var generatedCount = 0
    private var promptCount = 0
    private var cachedCount = 0
    private var answerCount = 0

    /// Role and content of all messages, with a question that waits for its answer.
    func messages(asking question: String? = nil) -> [(role: String, content: String)] {
        var all: [(role: String, content: String)] = []
        if let systemPrompt { all.append(("system", systemPrompt)) }
        for turn in turns {
            all.append(("user", turn.question))
            all.append(("assistant", turn.answer))
        }
        if let question { all.append(("user", question)) }
        return all
    }

    mutating func add(_ question: String, _ summary: GenerationSummary) {
        turns.append(Turn(question: question, answer: summary.text))
        lastSummary = summary
        answerCount += 1
        generatedCount += summary.ids.count
        promptCount += summary.promptTokenCount
        cachedCount += summary.cachedTokenCount
    }

    mutating func undo() throws(ChatCommandError) {
        guard !turns.isEmpty else { throw ChatCommandError(message: "there is nothing to undo") }
        turns.removeLast()
    }

    mutating func reset() {
        turns = []
    }

    func statistics(contextLength: Int) -> String {
        guard let last = lastSummary else { return "no answers yet; the context holds \(contextLength) tokens\n" }
        let length = last.promptTokenCount + last.ids.count
        return """
            answers           \(answerCount)
            generated tokens  \(generatedCount)
            prompt tokens     \(promptCount), \(cachedCount) of them cached
            last answer       \(last.ids.count) tokens at \(decimals(last.timings.decodedTokensPerSecond, 1)) tokens/s
            context           \(length) of \(contextLength) tokens after the last answer

            """
    }

    /// A JSON array of messages, as the API takes them.
    var json: [UInt8] {
        JSONText.array(
            messages().map { .object([("role", .string($0.role)), ("content", .string($0.content))]) }
        ).line
    }
}
