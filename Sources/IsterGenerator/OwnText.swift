public import IsterDecoder
internal import IsterModelFile
public import IsterTokenizer

/// Text that a model writes by itself, for statistics of its activations: it meets there what it says when it is used,
/// and no text need be at hand (Liu et al. 2023, LLM-QAT, section 3.1).
public struct OwnText {
    private let decoder: Decoder
    /// Before each text.
    private let start: [Int32]
    /// Ids that a text may begin with.
    private let firstIDs: [Int32]

    /// decoder: its sequences are used side by side; each must hold a chunk.
    public init(_ decoder: Decoder, _ vocabulary: Vocabulary) {
        self.decoder = decoder
        start = vocabulary.addsBOS ? [vocabulary.bosID].compactMap { $0 } : []
        let special = Set(vocabulary.addedTokens.lazy.filter(\.isSpecial).map(\.id))
        let count = min(vocabulary.pieces.count, decoder.shape.vocabularySize)
        firstIDs = (0..<Int32(truncatingIfNeeded: count)).filter { !special.contains($0) }
    }

    /// [count][length]: each begins with an id that is drawn evenly, which keeps the texts apart, and goes on with
    /// draws from the model's own distribution. A chunk depends on the weights and its index only.
    /// progress: gets the tokens written so far.
    public func chunks(
        _ count: Int, length: Int, progress: (Int) -> Void = { _ in }
    ) throws(DecoderError) -> [[Int32]] {
        var chunks: [[Int32]] = []
        while chunks.count < count {
            let seeds = chunks.count..<min(chunks.count + decoder.sequenceCount, count)
            let done = chunks.count * length
            chunks += try write(seeds, length: length) { progress(done + $0) }
        }
        return chunks
    }

    private func write(
        _ seeds: Range<Int>, length: Int, progress: (Int) -> Void
    ) throws(DecoderError) -> [[Int32]] {
        var texts: [[Int32]] = []
        var draws = seeds.map { RandomSequence(seed: UInt64($0)) }
        for (sequence, seed) in seeds.enumerated() {
            decoder.reset(sequence: sequence)
            texts.append(Array((start + [firstID(seed)]).prefix(length)))
        }
        var slices = texts.enumerated().map { TokenSlice(sequence: $0, tokens: $1, logits: .last) }
        while let written = texts.first?.count, written < length {
            try decoder.forward(slices)
            slices = texts.indices.map { index in
                let unit = draws[index].nextUnit()
                let next = decoder.withLogits(row: index) { Self.draw($0, at: unit) }
                texts[index].append(next)
                return TokenSlice(sequence: index, tokens: [next], logits: .last)
            }
            progress(texts.count * (written + 1))
        }
        return texts
    }

    /// A draw from softmax(logits) without what is less than e^-16 times as probable as the most probable token. The
    /// sampler would weigh all of the vocabulary, which takes longer than the forward call.
    private static func draw(_ logits: Span<Float>, at unit: Double) -> Int32 {
        var largest = -Float.infinity
        for index in logits.indices where logits[index] > largest { largest = logits[index] }
        var kept: [(index: Int, sum: Double)] = []
        var total = 0.0
        for index in logits.indices where logits[index] > largest - 16 {
            total += portableExponential(Double(logits[index]) - Double(largest))
            kept.append((index, total))
        }
        let mark = unit * total
        let found = kept.first { mark < $0.sum } ?? kept.last
        return Int32(truncatingIfNeeded: found?.index ?? 0)
    }

    private func firstID(_ seed: Int) -> Int32 {
        // Another stream than that of the text.
        var random = RandomSequence(seed: UInt64(seed) ^ 0x6F77_6E20_7465_7874)
        let place = Int(random.nextUnit() * Double(firstIDs.count))
        return firstIDs.indices.contains(place) ? firstIDs[place] : 0
    }
}
