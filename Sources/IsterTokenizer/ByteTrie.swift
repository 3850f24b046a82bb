/// Longest match of many byte strings at one place.
struct ByteTrie: Sendable {
    /// Child of (node << 8 | byte).
    private var children: [Int: Int32] = [:]
    /// Id that ends at a node, -1 for none.
    private var ids: [Int32] = [-1]
    private var beginnings = [Bool](repeating: false, count: 256)

    var isEmpty: Bool { ids.count == 1 }

    /// Of equal texts the last id stays.
    mutating func insert(_ text: some Sequence<UInt8>, id: Int32) {
        var node = 0
        for byte in text {
            if node == 0 { beginnings[Int(byte)] = true }
            let edge = node << 8 | Int(byte)
            if let child = children[edge] {
                node = Int(child)
            } else {
                children[edge] = Int32(ids.count)
                node = ids.count
                ids.append(-1)
            }
        }
        if node != 0 { ids[node] = id }
    }

    /// The longest entry that text[start..<end] begins with.
    @inline(__always)
    func match(_ text: [UInt8], _ start: Int, _ end: Int) -> (id: Int32, end: Int)? {
        guard start < end, beginnings[Int(text[start])] else { return nil }
        return longestMatch(text, start, end)
    }

    private func longestMatch(_ text: [UInt8], _ start: Int, _ end: Int) -> (id: Int32, end: Int)? {
        var node = 0
        var index = start
        var best: (id: Int32, end: Int)?
        while index < end, let child = children[node << 8 | Int(text[index])] {
            node = Int(child)
            index += 1
            if ids[node] >= 0 { best = (ids[node], index) }
        }
        return best
    }
}
