/// A binary min-heap of candidate merges. Lowest rank first; of equal ranks the leftmost position. Both
/// sentencepiece (rank = order of scores) and tokenizers (rank = line of the merge list) break ties so.
struct MergeQueue {
    /// Rank in the high half, position in the low half.
    private var heap: [UInt64] = []

    @inline(__always)
    static func entry(value: PairTable.Value, position: Int) -> UInt64 {
        value & 0xFFFF_FFFF_0000_0000 | UInt64(UInt32(truncatingIfNeeded: position))
    }

    /// Adds without order; `restore` must follow.
    mutating func collect(_ entry: UInt64) { heap.append(entry) }

    /// Makes a heap of what was collected, in linear time.
    mutating func restore() {
        var index = heap.count / 2
        while index > 0 {
            index -= 1
            siftDown(index)
        }
    }

    mutating func push(_ entry: UInt64) {
        var index = heap.count
        heap.append(entry)
        while index > 0 {
            let parent = (index - 1) / 2
            if heap[parent] <= entry { break }
            heap[index] = heap[parent]
            index = parent
        }
        heap[index] = entry
    }

    mutating func pop() -> UInt64? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
            heap[0] = last
            siftDown(0)
        }
        return first
    }

    private mutating func siftDown(_ start: Int) {
        let count = heap.count
        let entry = heap[start]
        var index = start
        while true {
            var child = index * 2 + 1
            if child >= count { break }
            if child + 1 < count, heap[child + 1] < heap[child] { child += 1 }
            if entry <= heap[child] { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = entry
    }
}
