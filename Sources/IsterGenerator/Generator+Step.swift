import IsterDecoder
import Synchronization

extension Generator {
    /// One forward call: sets sequences up, runs the rows, tells what came of them.
    func execute(_ plan: StepPlan) {
        let start = seconds(.now)
        for slice in plan.slices {
            if let cached = slice.startsWithCached { active[slice.id]?.start(start, cachedTokenCount: cached) }
        }
        guard let outcomes = outcomes(plan.slices) else { return endAll(.modelDamaged) }
        let now = seconds(.now)
        shared.withLock { state in
            state.scheduler.commit(plan, outcomes, now: now)
            state.load.count(plan, outcomes, seconds: now - start)
        }
        for slice in plan.slices { flush(slice.id) }
    }

    /// nil: the model file is damaged, and nothing was told.
    private func outcomes(_ slices: [StepPlan.Slice]) -> [SliceOutcome]? {
        do {
            try forward(slices)
            return damageCheck() ? nil : take(slices)
        } catch {
            if damageCheck() { return nil }
            if slices.count == 1 { return slices.map { fail($0, error) } }
        }
        // One of them is to blame. Alone, each fails or goes on as if nothing had happened.
        var outcomes: [SliceOutcome] = []
        for slice in slices {
            guard let outcome = self.outcomes([slice]) else { return nil }
            outcomes += outcome
        }
        return outcomes
    }

    private func forward(_ slices: [StepPlan.Slice]) throws(DecoderError) {
        for slice in slices {
            if slice.begins { source.reset(sequence: slice.sequence) }
            guard isPaged else { continue }
            if let first = slice.newBlocks {
                try source.assign(blocks: Array(slice.blocks[first...]), toSequence: slice.sequence, from: first)
            }
            if slice.begins { try source.begin(sequence: slice.sequence, length: slice.start) }
        }
        try source.forward(
            slices.map { TokenSlice(sequence: $0.sequence, tokens: $0.tokens, logits: $0.logits) })
    }

    /// Hands each request its rows of the last forward call.
    private func take(_ slices: [StepPlan.Slice]) -> [SliceOutcome] {
        let now = seconds(.now)
        var row = 0
        var stateRow = 0
        return slices.map { slice in
            let first = slice.logits == .states ? stateRow : row
            row += slice.logitRowCount
            stateRow += slice.stateRowCount
            return active[slice.id]?.take(slice, from: source, row: first, now: now) ?? .failed
        }
    }

    private func fail(_ slice: StepPlan.Slice, _ error: DecoderError) -> SliceOutcome {
        active[slice.id]?.fail(error)
        return .failed
    }

    private func endAll(_ error: GenerationError) {
        let arrivals = shared.withLock { state in
            _ = state.scheduler.removeAll()
            defer { state.arrivals = [] }
            return state.arrivals
        }
        for (id, request) in arrivals { active[id] = request }
        for id in active.keys {
            active[id]?.fail(error)
            flush(id)
        }
    }
}

extension GeneratorLoad {
    /// Adds a step.
    mutating func count(_ plan: StepPlan, _ outcomes: [SliceOutcome], seconds: Double) {
        stepCount += 1
        stepRowCount += plan.rowCount
        stepSeconds += seconds
        for slice in plan.slices {
            guard let cached = slice.startsWithCached else { continue }
            promptTokenCount += slice.promptTokenCount
            cachedTokenCount += cached
        }
        for outcome in outcomes {
            switch outcome {
            case .advanced(let token), .finished(let token): generatedTokenCount += token == nil ? 0 : 1
            case .failed: break
            }
        }
    }
}
