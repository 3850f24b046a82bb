internal import CIsterKernels

/// The paged cache: `DecoderOptions.cacheBlockCount`. Keys and values of a position depend on the tokens up to it
/// alone, so a block whose 16 positions are all computed serves every sequence that begins with the same tokens.
extension Decoder {
    /// Positions of a block: those of one table entry start at a multiple of it.
    public static let blockPositions = Int(ISTER_BLOCK_POSITIONS)

    /// Blocks that the sequences share, numbered from 0; 0 when each sequence owns its room.
    public var blockCount: Int { cache.blockTables?.blockCount ?? 0 }

    /// Says where a sequence's positions lie: `blocks[i]` holds those from (index + i) * blockPositions on. -1 takes an
    /// entry back; it may do so for positions behind every window (`positionsBehindWindows`).
    ///
    /// Forward calls write into the blocks of the positions that they add. These must belong to the sequence alone.
    public func assign(blocks: [Int32], toSequence sequence: Int, from index: Int) throws(DecoderError) {
        try check(sequence: sequence)
        guard let tables = cache.blockTables else { throw .cacheNotPaged }
        try tables.assign(blocks, toSequence: sequence, from: index)
    }

    /// The sequence holds `length` positions from now on, whose keys and values lie in its blocks already.
    public func begin(sequence: Int, length: Int) throws(DecoderError) {
        try check(sequence: sequence)
        guard let tables = cache.blockTables else { throw .cacheNotPaged }
        guard length >= 0, length <= contextLength else {
            throw .invalidOption(name: "length", found: length, needed: "0 to \(contextLength)")
        }
        try tables.check(sequence: sequence, positions: positionsBehindWindows(length: length)..<length)
        lengths[sequence] = length
    }

    /// How many positions, from the first on, no token sees any more that follows `length` others. Blocks that lie
    /// wholly in them can be given away. 0 for a model with a layer that has no window.
    public func positionsBehindWindows(length: Int) -> Int {
        widestWindow.map { Self.positionsBehind(window: $0, length: length) } ?? 0
    }

    /// The same of one window: a token sees itself and the window - 1 before it.
    public static func positionsBehind(window: Int, length: Int) -> Int {
        window > length ? 0 : length - window + 1
    }

    /// Most blocks of one sequence that a call reads or writes: the window before the first row of a batch and the
    /// batch, plus a block for each end that is not aligned. window: nil for every position.
    public static func blocksInSight(window: Int?, positions: Int, batchRows: Int) -> Int {
        let all = (positions - 1) / blockPositions + 1
        guard let window, window < positions else { return all }
        return min(all, (window + min(batchRows, positions) + 15) / blockPositions + 1)
    }

    func check(sequence: Int) throws(DecoderError) {
        guard sequence >= 0, sequence < sequenceCount else {
            throw .sequenceOutOfRange(found: sequence, count: sequenceCount)
        }
    }
}
