/// Which tokens may come next.
struct TokenMask: Sendable, Equatable {
    /// A bit for each token, [vocabularySize / 64].
    private(set) var words: [UInt64]
    /// Whether ids beyond the vocabulary, which have no text, are allowed.
    private let allowsBeyond: Bool

    init(vocabularySize: Int) {
        words = Array(repeating: 0, count: (vocabularySize + 63) / 64)
        allowsBeyond = false
    }

    /// All but a few.
    init(allBut forbidden: [Int32], vocabularySize: Int) {
        words = Array(repeating: .max, count: (vocabularySize + 63) / 64)
        allowsBeyond = true
        for id in forbidden where id >= 0 && Int(id) / 64 < words.count {
            words[Int(id) / 64] &= ~(1 << UInt64(id % 64))
        }
    }

    func contains(_ id: Int) -> Bool {
        guard id >= 0, id / 64 < words.count else { return allowsBeyond && id >= 0 }
        return words[id / 64] >> UInt64(id % 64) & 1 == 1
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
        guard !allowsBeyond else { return }
        for index in (64 * words.count)..<max(64 * words.count, scores.count) { scores[index] = -.infinity }
    }
}
