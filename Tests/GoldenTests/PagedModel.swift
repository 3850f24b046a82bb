import IsterDecoder

/// Block numbers of a pool in an order that is neither rising nor falling.
func shuffledBlocks(_ count: Int) -> [Int32] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    var blocks = (0..<Int32(count)).map { $0 }
    for index in blocks.indices.dropFirst() {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        blocks.swapAt(index, Int(state >> 33) % (index + 1))
    }
    return blocks
}

/// Blocks that `positions` positions take.
func blockCount(_ positions: Int) -> Int { (positions + Decoder.blockPositions - 1) / Decoder.blockPositions }

extension Decoder {
    /// Rows of logits of the last call as bit patterns.
    var logitBits: [[UInt32]] { (0..<logitRowCount).map { copyLogits(row: $0).map(\.bitPattern) } }

    func copyStates(row: Int) -> [Float] { withStates(row: row) { span in span.indices.map { span[$0] } } }

    /// Appends `ids`, `chunk` a call, and gives the bits of all their logits.
    func append(_ ids: ArraySlice<Int32>, chunk: Int, sequence: Int = 0) throws -> [[UInt32]] {
        var result: [[UInt32]] = []
        for start in stride(from: ids.startIndex, to: ids.endIndex, by: chunk) {
            let tokens = Array(ids[start..<min(start + chunk, ids.endIndex)])
            try forward([TokenSlice(sequence: sequence, tokens: tokens, logits: .all)])
            result += logitBits
        }
        return result
    }
}

extension ConvertedModel {
    /// A decoder of three sequences over a pool with room for three times `positions`.
    func paged(positions: Int, _ change: (inout DecoderOptions) -> Void = { _ in }) throws -> Decoder {
        try decoder {
            $0.sequenceCount = 3
            $0.cacheBlockCount = 3 * blockCount(positions)
            change(&$0)
        }
    }
}
