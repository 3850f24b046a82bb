/// Who holds which blocks of the key/value cache. A block is unused, held by one or more sequences, or idle: held by
/// nobody, but cached with its prefix.
struct BlockPool {
    let blockCount: Int
    /// Off: a block that nobody holds is unused.
    let cachesPrefixes: Bool
    /// Sequences that hold each block that was ever taken: those from `references.count` on are untouched.
    private(set) var references: [Int] = []
    private(set) var cache = PrefixCache()
    private var returned: [Int32] = []

    init(blockCount: Int, cachesPrefixes: Bool) {
        self.blockCount = blockCount
        self.cachesPrefixes = cachesPrefixes
    }

    var unusedCount: Int { returned.count + blockCount - references.count }
    /// Blocks that can be taken: unused or idle.
    var availableCount: Int { unusedCount + cache.idleCount }

    /// A block for new values; an idle one loses its prefix.
    mutating func take() -> Int32? {
        if returned.isEmpty, references.count < blockCount {
            references.append(1)
            return Int32(truncatingIfNeeded: references.count - 1)
        }
        guard let block = returned.popLast() ?? cache.evict() else { return nil }
        references[Int(block)] = 1
        return block
    }

    /// The cached blocks of a prefix, the longest run of at most `most`; nothing is held yet.
    func cached(_ tokens: [Int32], from first: [Int32] = [], partition: CachePartition, most: Int) -> [Int32] {
        guard cachesPrefixes else { return [] }
        var blocks = first
        while blocks.count < most, let next = cache.child(edge(tokens, blocks.count, blocks.last, partition)) {
            blocks.append(next)
        }
        return Array(blocks[first.count...])
    }

    mutating func hold(_ block: Int32) {
        references[Int(block)] += 1
        if references[Int(block)] == 1 { cache.hold(block) }
    }

    /// Gives blocks back, the last first: a prefix outlives what follows it.
    mutating func release(_ blocks: some BidirectionalCollection<Int32>) {
        for block in blocks.reversed() {
            references[Int(block)] -= 1
            guard references[Int(block)] == 0 else { continue }
            if cache.contains(block) { cache.release(block) } else { returned.append(block) }
        }
    }

    /// Lets others find a full block of a held sequence, block `index` of `blocks`, those before it being cached. If
    /// another one has the same prefix already, that one replaces it: true.
    mutating func share(_ blocks: inout [Int32], _ index: Int, tokens: [Int32], partition: CachePartition) -> Bool {
        let parent = index == 0 ? nil : blocks[index - 1]
        let edge = edge(tokens, index, parent, partition)
        guard let existing = cache.child(edge) else {
            cache.insert(blocks[index], at: edge)
            return false
        }
        hold(existing)
        release(CollectionOfOne(blocks[index]))
        blocks[index] = existing
        return true
    }

    private func edge(
        _ tokens: [Int32], _ index: Int, _ parent: Int32?, _ partition: CachePartition
    ) -> PrefixCache.Edge {
        let start = index * PrefixCache.blockLength
        return PrefixCache.Edge(
            parent: parent, partition: partition, tokens: tokens[start..<start + PrefixCache.blockLength])
    }
}
