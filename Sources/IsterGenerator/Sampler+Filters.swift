extension Sampler {
    /// Fills `kept` and `keptWeights` with the tokens that pass all filters: by falling logit if top-k or top-p cut,
    /// else by rising id. At least one passes.
    mutating func filter(_ logits: Span<Float>, _ rate: SoftmaxRate, _ filters: SamplingFilters) {
        kept.removeAll(keepingCapacity: true)
        keptWeights.removeAll(keepingCapacity: true)
        if let topK = filters.topK, topK < logits.count {
            keepLargest(logits, rate, count: max(topK, 1))
            if let topP = filters.topP, topP < 1 { cutKept(toMass: topP) }
        } else if let topP = filters.topP, topP < 1 {
            keepMass(logits, rate, mass: topP)
        } else {
            return keepProbable(logits, rate, fraction: filters.minP ?? 0)
        }
        if let minP = filters.minP { cutKept(belowFraction: minP) }
    }

    private mutating func keepLargest(_ logits: Span<Float>, _ rate: SoftmaxRate, count: Int) {
        heap.removeAll()
        // What may not be drawn has no place among the largest, however few there are.
        for index in logits.indices where logits[index] > -.infinity {
            heap.append(.init(logit: logits[index], id: Int32(truncatingIfNeeded: index)))
        }
        heap.order()
        while let next = heap.best, kept.count < count || next.logit == kept[kept.count - 1].logit {
            keep(next, weight: rate.weight(next.logit))
            _ = heap.takeBest()
        }
    }

    /// Keeps the most probable tokens until their mass reaches `mass` of the total.
    private mutating func keepMass(_ logits: Span<Float>, _ rate: SoftmaxRate, mass: Double) {
        weigh(logits, rate)
        var total = 0.0
        for weight in weights { total += weight }
        // Tokens lighter than this weigh together less than what top-p cuts off, so none of them can be kept.
        let least = (1 - mass) * total / Double(logits.count) * (1 - 0x1p-20)
        heap.removeAll()
        for index in logits.indices where weights[index] >= least {
            heap.append(.init(logit: logits[index], id: Int32(truncatingIfNeeded: index)))
        }
        heap.order()
        let wanted = mass * total
        var reached = 0.0
        while reached < wanted || kept.isEmpty, let next = heap.takeBest() {
            let weight = weights[Int(next.id)]
            keep(next, weight: weight)
            reached += weight
        }
    }

    private mutating func keepProbable(_ logits: Span<Float>, _ rate: SoftmaxRate, fraction: Double) {
        weigh(logits, rate)
        for index in logits.indices where weights[index] >= fraction {
            keep(.init(logit: logits[index], id: Int32(truncatingIfNeeded: index)), weight: weights[index])
        }
    }

    private mutating func cutKept(toMass mass: Double) {
        var total = 0.0
        for weight in keptWeights { total += weight }
        var reached = 0.0
        var count = 0
        while count < keptWeights.count, reached < mass * total || count == 0 {
            reached += keptWeights[count]
            count += 1
        }
        truncateKept(to: count)
    }

    /// Weights fall along `kept` and the first is 1, so the cut is a prefix.
    private mutating func cutKept(belowFraction fraction: Double) {
        var count = keptWeights.count
        while count > 1, keptWeights[count - 1] < fraction { count -= 1 }
        truncateKept(to: count)
    }

    private mutating func keep(_ candidate: CandidateHeap.Candidate, weight: Double) {
        kept.append(candidate)
        keptWeights.append(weight)
    }

    private mutating func truncateKept(to count: Int) {
        kept.removeLast(kept.count - count)
        keptWeights.removeLast(keptWeights.count - count)
    }
}
