/// What a caller asks of the generator.
public struct GenerationRequest: Sendable {
    /// Token ids, at least one.
    public var prompt: [Int32]
    /// Most tokens that may be generated; the context may end the text earlier.
    public var maximumNewTokens: Int
    public var sampling: Sampling
    /// Divides positive and multiplies negative logits of tokens that the prompt or the text already uses; 1 is off.
    public var repetitionPenalty: Double
    /// The text ends before any of these; they are not shown.
    public var stopStrings: [String]
    /// A token that ends the text. It is counted and listed, but has no text.
    public var endTokens: Set<Int32>

    public init(
        prompt: [Int32], maximumNewTokens: Int, sampling: Sampling = .greedy, repetitionPenalty: Double = 1,
        stopStrings: [String] = [], endTokens: Set<Int32> = []
    ) {
        self.prompt = prompt
        self.maximumNewTokens = maximumNewTokens
        self.sampling = sampling
        self.repetitionPenalty = repetitionPenalty
        self.stopStrings = stopStrings
        self.endTokens = endTokens
    }
}

extension GenerationRequest {
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
        try require(
            repetitionPenalty.isFinite && (1e-3...1e3).contains(repetitionPenalty), "repetition penalty",
            "\(repetitionPenalty)", "0.001 to 1000")
        guard case .random(let temperature, _, let filters) = sampling else { return }
        try require(temperature.isFinite && temperature >= 0, "temperature", "\(temperature)", "0 or more")
        if let topK = filters.topK { try require(topK >= 1, "top-k", "\(topK)", "1 or more") }
        if let topP = filters.topP { try require(topP >= 0 && topP <= 1, "top-p", "\(topP)", "0 to 1") }
        if let minP = filters.minP { try require(minP >= 0 && minP <= 1, "min-p", "\(minP)", "0 to 1") }
    }

    private func require(
        _ condition: Bool, _ name: String, _ found: String, _ needed: String
    ) throws(GenerationError) {
        guard condition else { throw .settingOutOfRange(name: name, found: found, needed: needed) }
    }
}
