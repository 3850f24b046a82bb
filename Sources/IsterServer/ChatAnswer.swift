import IsterGenerator

/// The objects of a chat answer, whole or in chunks.
struct ChatAnswer: AnswerChunks {
    private let head: AnswerHead
    private let tokenText: TokenText
    private let tellsLogprobs: Bool
    private let tellsUsage: Bool
    private let calls: CallSettings?
    private var readers: [Int: CallReader] = [:]
    private var hasBegun: Set<Int> = []
    private var usage = Usage()

    init(head: AnswerHead, tokenText: TokenText, tellsLogprobs: Bool, tellsUsage: Bool, calls: CallSettings? = nil) {
        self.calls = calls
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
            let scores = token.score.map { [tokenText.chatItem($0)] } ?? []
            tell(index, token.text, scores, isLast: false, &chunks)
        case .done(let summary):
            begin(index, &chunks)
            usage.add(summary, countsPrompt: index == 0)
            tell(index, summary.tail, [], isLast: true, &chunks)
            var own = Usage()
            own.add(summary, countsPrompt: true)
            let reason = readers[index]?.reason(summary.finishReason) ?? summary.finishReason.rawValue
            chunks.append(chunk(index, [:], logprobs: nil, finish: reason, timings: own.timingsJSON))
        }
        return chunks
    }

    /// The deltas of a piece of text; scores go with the first, or alone.
    private mutating func tell(
        _ index: Int, _ text: String, _ scores: [JSONValue], isLast: Bool, _ chunks: inout [JSONValue]
    ) {
        var deltas: [JSONValue] = text.isEmpty ? [] : [["content": .string(text)]]
        if let calls {
            var reader = readers[index] ?? CallReader(calls)
            deltas = reader.deltas(text, isLast: isLast)
            readers[index] = reader
        }
        if deltas.isEmpty, tellsLogprobs, !scores.isEmpty { deltas = [["content": ""]] }
        for (place, delta) in deltas.enumerated() {
            chunks.append(chunk(index, delta, logprobs: place == 0 ? scores : []))
        }
    }

    private mutating func begin(_ index: Int, _ chunks: inout [JSONValue]) {
        guard hasBegun.insert(index).inserted else { return }
        chunks.append(chunk(index, ["role": "assistant", "content": ""], logprobs: nil))
    }

    /// logprobs: nil where no token is told.
    private func chunk(
        _ index: Int, _ delta: JSONValue, logprobs: [JSONValue]?, finish: String? = nil,
        timings: JSONValue? = nil
    ) -> JSONValue {
        let scores: JSONValue = tellsLogprobs ? logprobs.map { ["content": .array($0)] } ?? .null : .null
        var members = head.members(object: "chat.completion.chunk")
        members.append(
            "choices",
            [
                [
                    "index": .integer(index), "delta": delta, "logprobs": scores,
                    "finish_reason": .string(finish),
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
            var message: JSONValue = ["role": "assistant", "content": .string(summary.text), "refusal": nil]
            var reason = summary.finishReason.rawValue
            if let calls {
                var reader = CallReader(calls)
                message = reader.message(summary.text)
                reason = reader.reason(summary.finishReason)
            }
            list.append([
                "index": .integer(index), "message": message,
                "logprobs": tellsLogprobs ? ["content": .array(scores), "refusal": nil] : .null,
                "finish_reason": .string(reason),
            ])
        }
        return head.object("chat.completion", choices: list, usage: usage)
    }
}
