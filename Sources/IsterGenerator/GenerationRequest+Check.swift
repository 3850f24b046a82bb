extension GenerationRequest {
    /// Most log probabilities beside the chosen token's.
    public static let mostLogprobs = 20
    /// Most UTF-8 bytes of a stop string.
    public static let mostStopBytes = 256

    /// Refuses what cannot be run, before anything is computed.
    func check(vocabularySize: Int, contextLength: Int) throws(GenerationError) {
        guard !prompt.isEmpty else { throw .emptyPrompt }
        guard prompt.count <= contextLength else {
            throw .promptTooLong(tokens: prompt.count, contextLength: contextLength)
        }
        for (index, id) in prompt.enumerated() where id < 0 || Int(id) >= vocabularySize {
            throw .tokenOutOfRange(id: id, index: index, vocabularySize: vocabularySize)
        }
        try require(maximumNewTokens >= 0, "the number of new tokens", "\(maximumNewTokens)", "0 or more")
        try checkSampling()
        try checkAdjustments(vocabularySize: vocabularySize)
        if let count = logprobCount {
            try require(
                (0...Self.mostLogprobs).contains(count), "the number of log probabilities", "\(count)",
                "0 to \(Self.mostLogprobs)")
        }
        if let count = constraint?.vocabulary.vocabularySize {
            try require(
                count <= vocabularySize, "the vocabulary of the constraint", "\(count) tokens",
                "at most \(vocabularySize) tokens")
        }
        for stop in stopStrings {
            let count = stop.utf8.count
            try require(
                (1...Self.mostStopBytes).contains(count), "a stop string", "\(count) bytes long",
                "1 to \(Self.mostStopBytes) bytes long")
        }
    }

    private func checkSampling() throws(GenerationError) {
        guard case .random(let temperature, _, let filters) = sampling else { return }
        try require(temperature.isFinite && temperature >= 0, "temperature", "\(temperature)", "0 or more")
        if let topK = filters.topK { try require(topK >= 1, "top-k", "\(topK)", "1 or more") }
        if let topP = filters.topP { try require(topP >= 0 && topP <= 1, "top-p", "\(topP)", "0 to 1") }
        if let minP = filters.minP { try require(minP >= 0 && minP <= 1, "min-p", "\(minP)", "0 to 1") }
    }

    private func checkAdjustments(vocabularySize: Int) throws(GenerationError) {
        let repetition = penalties.repetition
        try require((1e-3...1e3).contains(repetition), "repetition penalty", "\(repetition)", "0.001 to 1000")
        for (name, value) in [("frequency", penalties.frequency), ("presence", penalties.presence)] {
            try require((-2...2).contains(value), "\(name) penalty", "\(value)", "-2 to 2")
        }
        // The lowest of several, so that the error is always the same.
        if let id = logitBias.keys.filter({ $0 < 0 || Int($0) >= vocabularySize }).min() {
            try require(false, "a token id of the logit bias", "\(id)", "0 to \(vocabularySize - 1)")
        }
        if let id = logitBias.filter({ !(-100...100).contains($0.value) }).keys.min() {
            try require(false, "logit bias of token \(id)", "\(logitBias[id] ?? 0)", "-100 to 100")
        }
    }

    private func require(
        _ condition: Bool, _ name: String, _ found: String, _ needed: String
    ) throws(GenerationError) {
        guard condition else { throw .settingOutOfRange(name: name, found: found, needed: needed) }
    }
}
