/// Which tokens may come next.
struct TokenMask: Sendable, Equatable {
    /// A bit for each token, [vocabularySize / 64].
    private(set) var words: [UInt64]

    init(vocabularySize: Int) {
        words = Array(repeating: 0, count: (vocabularySize + 63) / 64)
    }

    /// Ids beyond the vocabulary are not allowed.
    func contains(_ id: Int) -> Bool {
        id >= 0 && id / 64 < words.count && words[id / 64] >> UInt64(id % 64) & 1 == 1
    }

    mutating func insert(_ id: Int32) {
        guard id >= 0, Int(id) / 64 < words.count else { return }
        words[Int(id) / 64] |= 1 << UInt64(id % 64)
    }

    mutating func formUnion(_ other: TokenMask) {
        for index in words.indices { words[index] |= other.words[index] }
    }

    /// Gives what is not allowed the least logit there is, so that nothing draws it.
    func apply(to scores: inout [Float]) {
        for (index, word) in words.enumerated() where word != .max {
            for bit in 0..<min(64, scores.count - 64 * index) where word >> UInt64(bit) & 1 == 0 {
                scores[64 * index + bit] = -.infinity
            }
        }
        for index in (64 * words.count)..<max(64 * words.count, scores.count) { scores[index] = -.infinity }
    }
}
