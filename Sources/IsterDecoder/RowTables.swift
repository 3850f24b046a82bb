internal import IsterModelFile

/// What each row of a forward call is: written before the call, read by all workers.
@safe final class RowTables {
    let tokens: UnsafeMutablePointer<Int32>
    let positions: UnsafeMutablePointer<Int>
    let sequences: UnsafeMutablePointer<Int>
    let tiles: UnsafeMutablePointer<AttentionTile>
    let logitRows: UnsafeMutablePointer<Int>
    let stateRows: UnsafeMutablePointer<Int>
    let rotaries: UnsafeMutablePointer<ForwardPass.RotaryView>
    /// One flag a worker, 128 bytes apart.
    let notFinite: UnsafeMutablePointer<Int32>
    private(set) var rowCount = 0
    private(set) var tileCount = 0
    private(set) var logitRowCount = 0
    private(set) var stateRowCount = 0
    private let workers: Int

    init(batchRows: Int, workers: Int, rotaries tables: [RotaryTable]) {
        unsafe tokens = .allocate(capacity: batchRows)
        unsafe positions = .allocate(capacity: batchRows)
        unsafe sequences = .allocate(capacity: batchRows)
        unsafe tiles = .allocate(capacity: batchRows)
        unsafe logitRows = .allocate(capacity: batchRows)
        unsafe stateRows = .allocate(capacity: batchRows)
        unsafe rotaries = .allocate(capacity: tables.count)
        for (index, table) in tables.enumerated() {
            unsafe rotaries[index] = ForwardPass.RotaryView(cosines: table.cosines, sines: table.sines)
        }
        unsafe notFinite = .allocate(capacity: workers * 32)
        unsafe notFinite.initialize(repeating: 0, count: workers * 32)
        self.workers = workers
    }

    deinit {
        unsafe tokens.deallocate()
        unsafe positions.deallocate()
        unsafe sequences.deallocate()
        unsafe tiles.deallocate()
        unsafe logitRows.deallocate()
        unsafe stateRows.deallocate()
        unsafe rotaries.deallocate()
        unsafe notFinite.deallocate()
    }

    func clear() {
        rowCount = 0
        tileCount = 0
        logitRowCount = 0
        stateRowCount = 0
    }

    /// Adds the rows of a slice whose first token stands at position `start`.
    func append(_ slice: TokenSlice, start: Int, tileTokens: Int) {
        let first = rowCount
        let count = slice.tokens.count
        for (offset, token) in slice.tokens.enumerated() {
            unsafe tokens[first + offset] = token
            unsafe positions[first + offset] = start + offset
            unsafe sequences[first + offset] = slice.sequence
            if slice.logits == .all || (slice.logits == .last && offset == count - 1) {
                unsafe logitRows[logitRowCount] = first + offset
                logitRowCount += 1
            } else if slice.logits == .states {
                unsafe stateRows[stateRowCount] = first + offset
                stateRowCount += 1
            }
        }
        for offset in stride(from: 0, to: count, by: tileTokens) {
            unsafe tiles[tileCount] = AttentionTile(
                sequence: slice.sequence, row: first + offset, tokens: min(tileTokens, count - offset))
            tileCount += 1
        }
        rowCount += count
    }

    /// Whether a worker met an activation that is not finite in the last call; clears the flags.
    func sawNotFinite() -> Bool {
        var seen = false
        for worker in 0..<workers where unsafe notFinite[worker * 32] != 0 {
            seen = true
            unsafe notFinite[worker * 32] = 0
        }
        return seen
    }
}
