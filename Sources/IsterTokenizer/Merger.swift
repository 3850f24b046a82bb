/// Merges one run of ids. Holds the scratch arrays, so that one encode call allocates them once.
struct Merger {
    /// The run: ids before `merge`, merged ids after it.
    var symbols: [Int32] = []
    /// For each id that `splitResults` marks, the pair that was last seen to give it.
    private(set) var splits: [Int32: (left: Int32, right: Int32)] = [:]

    private let pairs: PairTable
    /// Marks ids whose making is recorded in `splits`; empty when there are none.
    private let recordedResults: [Bool]
    /// values[i]: what symbol i and the next live symbol merge into.
    private var values: [PairTable.Value] = []
    private var next: [Int32] = []
    private var previous: [Int32] = []
    private var queue = MergeQueue()

    /// Up to this many symbols a scan for the best pair is faster than a heap.
    private static let scanLimit = 24

    init(pairs: PairTable, recordedResults: [Bool] = []) {
        self.pairs = pairs
        self.recordedResults = recordedResults
    }

    /// Applies all merges, best first. n log n in the length of the run, at most 2^32 - 1 symbols.
    mutating func merge() {
        if symbols.count < 2 { return }
        if symbols.count <= Self.scanLimit { mergeByScan() } else { mergeByQueue() }
    }

    @inline(__always)
    private mutating func value(_ left: Int32, _ right: Int32) -> PairTable.Value {
        let value = pairs.find(left, right)
        if !recordedResults.isEmpty, value != PairTable.none {
            let result = PairTable.result(value)
            if recordedResults[Int(result)] { splits[result] = (left, right) }
        }
        return value
    }

    private mutating func mergeByScan() {
        var count = symbols.count
        values.removeAll(keepingCapacity: true)
        for index in 0..<count - 1 { values.append(value(symbols[index], symbols[index + 1])) }
        values.append(PairTable.none)
        while count > 1 {
            var best = 0
            for index in 1..<max(count - 1, 1) where values[index] >> 32 < values[best] >> 32 { best = index }
            if values[best] == PairTable.none { break }
            symbols[best] = PairTable.result(values[best])
            count -= 1
            var index = best + 1
            while index < count {
                symbols[index] = symbols[index + 1]
                values[index] = values[index + 1]
                index += 1
            }
            if best > 0 { values[best - 1] = value(symbols[best - 1], symbols[best]) }
            if best + 1 < count { values[best] = value(symbols[best], symbols[best + 1]) }
        }
        symbols.removeLast(symbols.count - count)
    }

    private mutating func mergeByQueue() {
        let count = symbols.count
        values.removeAll(keepingCapacity: true)
        next.removeAll(keepingCapacity: true)
        previous.removeAll(keepingCapacity: true)
        for index in 0..<count {
            previous.append(Int32(truncatingIfNeeded: index - 1))
            next.append(index + 1 < count ? Int32(truncatingIfNeeded: index + 1) : -1)
            let value = index + 1 < count ? value(symbols[index], symbols[index + 1]) : PairTable.none
            values.append(value)
            if value != PairTable.none { queue.collect(MergeQueue.entry(value: value, position: index)) }
        }
        queue.restore()
        while let entry = queue.pop() {
            let position = Int(entry & 0xFFFF_FFFF)
            // The pair has changed since it was queued; a pair of equal rank has its own entry, which is the same.
            if values[position] == PairTable.none || values[position] >> 32 != entry >> 32 { continue }
            join(position)
        }
        compact()
    }

    /// Puts the pair at `position` into one symbol and queues its new pairs with both neighbours.
    private mutating func join(_ position: Int) {
        let right = Int(next[position])
        symbols[position] = PairTable.result(values[position])
        values[right] = PairTable.none
        let after = next[right]
        next[position] = after
        let before = Int(previous[position])
        if before >= 0 {
            values[before] = value(symbols[before], symbols[position])
            if values[before] != PairTable.none {
                queue.push(MergeQueue.entry(value: values[before], position: before))
            }
        }
        values[position] = PairTable.none
        if after >= 0 {
            previous[Int(after)] = Int32(truncatingIfNeeded: position)
            values[position] = value(symbols[position], symbols[Int(after)])
            if values[position] != PairTable.none {
                queue.push(MergeQueue.entry(value: values[position], position: position))
            }
        }
    }

    /// Keeps the live symbols.
    private mutating func compact() {
        var kept = 0
        var index = 0
        while index >= 0 {
            symbols[kept] = symbols[index]
            kept += 1
            index = Int(next[index])
        }
        symbols.removeLast(symbols.count - kept)
    }
}
