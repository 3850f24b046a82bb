/// The layout of llama-perplexity's base files (`--kl-divergence-base`), little-endian:
/// "_logits_", context length u32, vocabulary size i32, window count i32, tokens i32 [windows * context], then a row
/// for each scored position: scale f32, lowest log-probability f32, codes u16 [vocabulary, rounded up to even]. ln p of
/// token i = scale * code + lowest. Logits more than 16 below the maximum are raised to there.
struct BaseFileLayout: Equatable {
    static let magic = Array("_logits_".utf8)
    static let headerBytes = 20
    /// Largest distance from the maximum that is stored.
    static let depth: Float = 16
    /// Tokens of all windows, which are kept in memory. WikiText-2 has a fiftieth of this.
    static let tokenLimit = 1 << 24

    let contextLength: Int
    let vocabularySize: Int
    let windowCount: Int

    var tokenCount: Int { windowCount * contextLength }
    var scoredPerWindow: Int { contextLength - 1 - contextLength / 2 }
    /// Words of 2 bytes.
    var rowWords: Int { (vocabularySize + 1) / 2 * 2 + 4 }
    var rowBytes: Int { rowWords * 2 }
    var rowCount: Int { windowCount * scoredPerWindow }
    var tokensOffset: Int { Self.headerBytes }
    var rowsOffset: Int { Self.headerBytes + 4 * tokenCount }
    var fileBytes: Int { rowsOffset + rowCount * rowBytes }

    /// Bounds that keep every product above far from overflow.
    init(contextLength: Int, vocabularySize: Int, windowCount: Int) throws(BaseFileDefect) {
        guard (4...1 << 24).contains(contextLength) else {
            throw .invalidCount(field: "context length", found: contextLength)
        }
        guard (1...1 << 24).contains(vocabularySize) else {
            throw .invalidCount(field: "vocabulary size", found: vocabularySize)
        }
        guard windowCount > 0 else { throw .invalidCount(field: "window count", found: windowCount) }
        guard windowCount * contextLength <= Self.tokenLimit else {
            throw .tooManyTokens(found: windowCount * contextLength, limit: Self.tokenLimit)
        }
        self.contextLength = contextLength
        self.vocabularySize = vocabularySize
        self.windowCount = windowCount
    }
}

/// Log-probabilities of one position as a base file has them.
struct BaseRow {
    let scale: Float
    let lowest: Float
    /// [vocabularySize]: without the row's padding.
    let codes: [UInt16]
    let vocabularySize: Int

    func logProbability(_ token: Int) -> Double { Double(scale * Float(codes[token]) + lowest) }

    /// Tokens start ..< start + 8; after the end of the vocabulary -infinity.
    func logProbabilities(at start: Int) -> SIMD8<Double> {
        var lanes = SIMD8<Float>(repeating: -.infinity)
        for lane in 0..<min(8, vocabularySize - start) { lanes[lane] = scale * Float(codes[start + lane]) + lowest }
        return SIMD8<Double>(lanes)
    }

    /// The lowest token with the largest code.
    var top: Int {
        var best = 0
        for token in 0..<vocabularySize where codes[token] > codes[best] { best = token }
        return best
    }
}
