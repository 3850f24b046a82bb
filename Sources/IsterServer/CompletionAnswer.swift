import IsterGenerator

/// The objects of a completions answer, whole or in chunks.
struct CompletionAnswer: AnswerChunks {
    private let head: AnswerHead
    private let request: CompletionRequest
    private let tokenText: TokenText
    private var usage = Usage()
    private var hasEchoed: Set<Int> = []
    private var logprobs: [Int: CompletionLogprobs] = [:]
    private var echoes: [Int: EchoScores] = [:]

    init(head: AnswerHead, tokenText: TokenText, request: CompletionRequest) {
        self.head = head
        self.tokenText = tokenText
        self.request = request
    }

    private var tellsLogprobs: Bool { request.fields.template.logprobCount != nil }

    private func prompt(_ index: Int) -> CompletionPrompt { request.prompts[index / request.fields.choiceCount] }
    private func countsPrompt(_ index: Int) -> Bool { index % request.fields.choiceCount == 0 }

    private func textLogprobs(_ index: Int) -> CompletionLogprobs {
        let prompt = prompt(index)
        let offset = request.echoes ? prompt.text.unicodeScalars.count : 0
        return CompletionLogprobs(tokenText: tokenText, prompt: prompt.ids, offset: offset)
    }

    mutating func chunks(_ index: Int, _ event: GenerationEvent) -> [JSONValue] {
        var chunks: [JSONValue] = []
        switch event {
        case .accepted, .started, .embedding: break
        case .promptScores(let scores):
            guard request.echoes else { break }
            // The text goes with the first scores; the others follow.
            let text = hasEchoed.insert(index).inserted ? prompt(index).text : ""
            var echo = echoes[index] ?? EchoScores(prompt(index), tokenText)
            chunks.append(chunk(index, text, logprobs: echo.take(scores)))
            echoes[index] = echo
        case .token(let token):
            echo(index, &chunks)
            var scores: JSONValue = .null
            if tellsLogprobs {
                var logprobs = logprobs[index] ?? textLogprobs(index)
                logprobs.append(token.id, token.score)
                scores = logprobs.take()
                self.logprobs[index] = logprobs
            }
            if !token.text.isEmpty || !scores.isNull { chunks.append(chunk(index, token.text, logprobs: scores)) }
        case .done(let summary):
            echo(index, &chunks)
            usage.add(summary, countsPrompt: countsPrompt(index))
            var own = Usage()
            own.add(summary, countsPrompt: true)
            chunks.append(
                chunk(index, summary.tail, logprobs: .null, finish: summary.finishReason, timings: own.timingsJSON))
        }
        return chunks
    }

    /// The prompt before the first token, where no scores came with it.
    private mutating func echo(_ index: Int, _ chunks: inout [JSONValue]) {
        guard request.echoes, hasEchoed.insert(index).inserted else { return }
        chunks.append(chunk(index, prompt(index).text, logprobs: .null))
    }

    private func chunk(
        _ index: Int, _ text: String, logprobs: JSONValue, finish: FinishReason? = nil, timings: JSONValue? = nil
    ) -> JSONValue {
        var members = head.members(object: "text_completion")
        members.append("choices", [choice(index, text, logprobs: logprobs, finish: finish)])
        if request.fields.streamsUsage { members.append("usage", .null) }
        if let timings { members.append("timings", timings) }
        return .object(members)
    }

    private func choice(_ index: Int, _ text: String, logprobs: JSONValue, finish: FinishReason?) -> JSONValue {
        [
            "text": .string(text), "index": .integer(index), "logprobs": logprobs,
            "finish_reason": .string(finish?.rawValue),
        ]
    }

    func lastChunks() -> [JSONValue] {
        request.fields.streamsUsage ? [head.object("text_completion", usage: usage)] : []
    }

    func whole(_ choices: [ChoiceEvents]) -> JSONValue {
        var usage = Usage()
        var list: [JSONValue] = []
        for (index, events) in choices.enumerated() {
            guard let summary = events.summary else { continue }
            usage.add(summary, countsPrompt: countsPrompt(index))
            let text = request.echoes ? prompt(index).text + summary.text : summary.text
            list.append(choice(index, text, logprobs: wholeLogprobs(index, events), finish: summary.finishReason))
        }
        return head.object("text_completion", choices: list, usage: usage)
    }

    private func wholeLogprobs(_ index: Int, _ events: ChoiceEvents) -> JSONValue {
        guard tellsLogprobs else { return .null }
        var text = textLogprobs(index)
        for token in events.tokens { text.append(token.id, token.score) }
        guard request.echoes else { return text.take() }
        var echo = EchoScores(prompt(index), tokenText)
        return echo.take(events.promptScores).joined(text.take())
    }
}

/// The scores of a prompt that is echoed, or of its next tokens.
private struct EchoScores: Sendable {
    private let prompt: CompletionPrompt
    private var logprobs: CompletionLogprobs
    private var position = 0

    init(_ prompt: CompletionPrompt, _ tokenText: TokenText) {
        self.prompt = prompt
        logprobs = CompletionLogprobs(tokenText: tokenText, hiddenIDs: Array(prompt.ids.prefix(prompt.hiddenCount)))
    }

    mutating func take(_ scores: [TokenScore?]) -> JSONValue {
        for (id, score) in zip(prompt.ids.dropFirst(position), scores) {
            logprobs.append(id, score, isShown: position >= prompt.hiddenCount)
            position += 1
        }
        return logprobs.take()
    }
}

extension JSONValue {
    /// Two objects of arrays with the same keys, array by array.
    fileprivate func joined(_ other: JSONValue) -> JSONValue {
        guard case .object(let left) = self, case .object(let right) = other else { return self }
        var joined = JSONObject()
        for member in left.members {
            guard case .array(let first) = member.value, case .array(let second) = right[member.key] else { continue }
            joined.append(member.key, .array(first + second))
        }
        return .object(joined)
    }
}
