/// The state of one running request between two steps: logits go in, events come out. Knows no decoder and no thread.
struct GenerationSequence: Sendable {
    let request: GenerationRequest
    private(set) var ids: [Int32] = []
    private(set) var finishReason: FinishReason?
    private var sampler: Sampler
    private var text: any TextStream
    private var stop: StopText
    private var constraint: ConstraintState?
    private var shown = ""

    init(_ request: GenerationRequest, text: any TextStream, vocabularySize: Int) {
        self.request = request
        self.text = text
        stop = StopText(request.stopStrings)
        sampler = Sampler(
            sampling: request.sampling, penalties: request.penalties, logitBias: request.logitBias,
            vocabularySize: vocabularySize, isMasked: request.constraint != nil)
        constraint = request.constraint.map { ConstraintState($0, endTokens: request.endTokens) }
        sampler.use(prompt: request.prompt)
    }

    /// Draws the next token and decides whether it is the last.
    mutating func take(_ logits: Span<Float>) -> GenerationEvent {
        let id = sampler.sample(logits, allowed: constraint?.mask())
        sampler.use(id)
        ids.append(id)
        let score = request.logprobCount.map { TokenScore(logits: logits, chosen: id, bestCount: $0) }
        if request.endTokens.contains(id) {
            finishReason = .stop
            return .token(GeneratedToken(id: id, text: "", score: score))
        }
        constraint?.take(id)
        let piece = show(text.append(id))
        if stop.isStopped || constraint?.isOver == true {
            finishReason = .stop
        } else if ids.count >= request.maximumNewTokens {
            finishReason = .length
        }
        return .token(GeneratedToken(id: id, text: piece, score: score))
    }

    /// Ends a sequence that did not end by itself.
    mutating func end(_ reason: FinishReason) {
        finishReason = finishReason ?? reason
    }

    /// The last event. Text that was held back is given out, unless a stop string ended the text.
    mutating func summarise(_ timings: GenerationTimings) -> GenerationSummary {
        var tail = ""
        if !stop.isStopped {
            tail = show(text.finish())
            let held = stop.finish()
            if !held.isEmpty {
                let rest = String(decoding: held, as: UTF8.self)
                tail += rest
                shown += rest
            }
        }
        return GenerationSummary(
            ids: ids, text: shown, tail: tail, finishReason: finishReason ?? .length,
            promptTokenCount: request.prompt.count, timings: timings)
    }

    /// Passes text through the stop strings; without any it is not copied.
    private mutating func show(_ piece: String) -> String {
        var visible = piece
        if !request.stopStrings.isEmpty {
            visible = String(decoding: stop.push(piece.utf8), as: UTF8.self)
        }
        shown += visible
        return visible
    }
}
