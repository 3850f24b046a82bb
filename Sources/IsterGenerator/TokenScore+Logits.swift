extension TokenScore {
    /// logits: [vocabularySize], finite. best: the tokens with the largest logits, at most `bestCount`; equal ones by
    /// rising id. The same logits give the same bits on every machine.
    public init(logits: Span<Float>, chosen: Int32, bestCount: Int) {
        let softmax = LogSoftmax(logits)
        self.init(
            chosen: Choice(softmax, logits[Int(chosen)], id: chosen),
            best: Self.largest(logits, count: bestCount).map { Choice(softmax, $0.logit, id: $0.id) })
    }

    private static func largest(_ logits: Span<Float>, count: Int) -> [CandidateHeap.Candidate] {
        var best: [CandidateHeap.Candidate] = []
        let count = min(count, logits.count)
        guard count > 0 else { return best }
        best.reserveCapacity(count)
        for index in logits.indices {
            let logit = logits[index]
            if best.count == count {
                guard logit > best[count - 1].logit else { continue }
                best.removeLast()
            }
            // Ids rise, so of equal logits the newest goes last.
            let place = best.firstIndex { logit > $0.logit } ?? best.count
            best.insert(.init(logit: logit, id: Int32(truncatingIfNeeded: index)), at: place)
        }
        return best
    }
}

extension TokenScore.Choice {
    /// A logarithm below the range of floats becomes the least float: JSON has no infinity.
    fileprivate init(_ softmax: LogSoftmax, _ logit: Float, id: Int32) {
        self.init(id: id, logprob: max(Float(softmax.logProbability(logit)), -Float.greatestFiniteMagnitude))
    }
}
