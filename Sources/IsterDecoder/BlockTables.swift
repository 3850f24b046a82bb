/// Where a paged cache holds what: for each sequence, the block of every 16 positions; -1 for none. All layers share
/// the numbers: block b is the b-th of every layer's pool.
@safe final class BlockTables {
    /// [sequence][length]
    let entries: UnsafeMutableBufferPointer<Int32>
    /// Entries of a sequence.
    let length: Int
    /// Blocks of the pool.
    let blockCount: Int

    init(sequenceCount: Int, length: Int, blockCount: Int) {
        self.length = length
        self.blockCount = blockCount
        unsafe entries = .allocate(capacity: sequenceCount * length)
        unsafe entries.initialize(repeating: -1)
    }

    deinit { unsafe entries.deallocate() }

    func table(ofSequence sequence: Int) -> UnsafeMutablePointer<Int32> {
        unsafe entries.baseAddress! + sequence * length
    }

    func assign(_ blocks: [Int32], toSequence sequence: Int, from index: Int) throws(DecoderError) {
        guard index >= 0, index <= length, blocks.count <= length - index else {
            throw .tableOutOfRange(from: index, count: blocks.count, length: length)
        }
        if let bad = blocks.first(where: { $0 < -1 || Int($0) >= blockCount }) {
            throw .blockOutOfRange(found: bad, count: blockCount)
        }
        let table = unsafe table(ofSequence: sequence)
        for (offset, block) in blocks.enumerated() { unsafe table[index + offset] = block }
    }

    /// Forgets a sequence's blocks.
    func clear(sequence: Int) {
        let table = unsafe table(ofSequence: sequence)
        for index in 0..<length { unsafe table[index] = -1 }
    }

    /// Refuses positions without a block.
    func check(sequence: Int, positions: Range<Int>) throws(DecoderError) {
        guard !positions.isEmpty else { return }
        let table = unsafe table(ofSequence: sequence)
        let size = Decoder.blockPositions
        for index in positions.lowerBound / size...(positions.upperBound - 1) / size where unsafe table[index] < 0 {
            throw .blockNotAssigned(sequence: sequence, position: max(index * size, positions.lowerBound))
        }
    }
}
