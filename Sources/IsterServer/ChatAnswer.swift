import IsterGenerator

/// The objects of a chat answer, whole or in chunks.
struct ChatAnswer: AnswerChunks {
    private let head: AnswerHead
    private let tokenText: TokenText
    private let tellsLogprobs: Bool
    private let tellsUsage: Bool
    private var hasBegun: Set<Int> = []
    private var usage = Usage()

    init(head: AnswerHead, tokenText: TokenText, tellsLogprobs: Bool, tellsUsage: Bool) {
        self.head = head
        self.tokenText = tokenText
        self.tellsLogprobs = tellsLogprobs
        self.tellsUsage = tellsUsage
    }

    mutating func chunks(_ index: Int, _ event: GenerationEvent) -> [JSONValue] {
        var chunks: [JSONValue] = []
        switch event {
        case .accepted, .started, .promptScores, .embedding: return []
        case .token(let token):
            begin(index, &chunks)
            if !token.text.isEmpty || (tellsLogprobs && token.score != nil) {
                let scores = token.score.map { [tokenText.chatItem($0)] } ?? []
                chunks.append(chunk(index, ["content": .string(token.text)], logprobs: scores))
            }
        case .done(let summary):
            begin(index, &chunks)
            usage.add(summary, countsPrompt: index == 0)
            if !summary.tail.isEmpty { chunks.append(chunk(index, ["content": .string(summary.tail)], logprobs: [])) }
            var own = Usage()
            own.add(summary, countsPrompt: true)
            chunks.append(chunk(index, [:], logprobs: nil, finish: summary.finishReason, timings: own.timingsJSON))
        }
        return chunks
    }

    private mutating func begin(_ index: Int, _ chunks: inout [JSONValue]) {
        guard hasBegun.insert(index).inserted else { return }
        chunks.append(chunk(index, ["role": "assistant", "content": ""], logprobs: nil))
    }

    /// logprobs: nil where no token is told.
    private func chunk(
        _ index: Int, _ delta: JSONValue, logprobs: [JSONValue]?, finish: FinishReason? = nil,
        timings: JSONValue? = nil
    ) -> JSONValue {
        let scores: JSONValue = tellsLogprobs ? logprobs.map { ["content": .array($0)] } ?? .null : .null
        var members = head.members(object: "chat.completion.chunk")
        members.append(
            "choices",
            [
                [
                    "index": .integer(index), "delta": delta, "logprobs": scores,
                    "finish_reason": .string(finish?.rawValue),
                ]
            ])
        if tellsUsage { members.append("usage", .null) }
        if let timings { members.append("timings", timings) }
        return .object(members)
    }

    func lastChunks() -> [JSONValue] {
        tellsUsage ? [head.object("chat.completion.chunk", usage: usage)] : []
    }

    func whole(_ choices: [ChoiceEvents]) -> JSONValue {
        var usage = Usage()
        var list: [JSONValue] = []
        for (index, choice) in choices.enumerated() {
            guard let summary = choice.summary else { continue }
            usage.add(summary, countsPrompt: index == 0)
            let scores = choice.tokens.compactMap { $0.score.map(tokenText.chatItem) }
            list.append([
                "index": .integer(index),
                "message": ["role": "assistant", "content": .string(summary.text), "refusal": nil],
                "logprobs": tellsLogprobs ? ["content": .array(scores), "refusal": nil] : .null,
                "finish_reason": .string(summary.finishReason.rawValue),
            ])
        }
        return head.object("chat.completion", choices: list, usage: usage)
    }
}
