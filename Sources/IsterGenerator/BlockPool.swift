import IsterDecoder

/// Who holds which blocks of the key/value cache. A block is unused, held by one or more sequences, or idle: held by
/// nobody, but cached with its prefix.
struct BlockPool {
    /// In a sequence's list: the block was given back, as the decoder's tables have it.
    static let none: Int32 = -1

    let blockCount: Int
    /// Off: a block that nobody holds is unused.
    let cachesPrefixes: Bool
    /// The widest of the layers' sliding windows; nil: some layer sees every position.
    let window: Int?
    /// Sequences that hold each block that was ever taken: those from `references.count` on are untouched.
    private(set) var references: [Int] = []
    private(set) var cache = PrefixCache()
    private var returned: [Int32] = []

    init(blockCount: Int, cachesPrefixes: Bool, window: Int? = nil) {
        self.blockCount = blockCount
        self.cachesPrefixes = cachesPrefixes
        self.window = window
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

    /// As many as there are, at most `count`, in rising order: what lies side by side is read faster.
    mutating func take(_ count: Int) -> [Int32] {
        var blocks: [Int32] = []
        while blocks.count < count, let block = take() { blocks.append(block) }
        return blocks.sorted()
    }

    /// The cached blocks of the longest prefix that can be continued, at most `most`; `none` for those behind every
    /// window. Nothing is held yet.
    func cached(_ tokens: [Int32], partition: CachePartition, most: Int) -> [Int32] {
        guard cachesPrefixes else { return [] }
        var blocks: [Int32] = []
        var parent: PrefixCache.NodeID?
        var missingEnd = 0
        var usableCount = 0
        while blocks.count < most, let node = cache.child(edge(tokens, blocks.count, parent, partition)) {
            parent = node
            blocks.append(cache.block(of: node) ?? Self.none)
            if blocks.last == Self.none { missingEnd = blocks.count }
            let count = blocks.count
            if missingEnd <= behindCount(computed: count * PrefixCache.blockLength, shared: count) {
                usableCount = count
            }
        }
        let behind = behindCount(computed: usableCount * PrefixCache.blockLength, shared: usableCount)
        return Array(repeating: Self.none, count: behind) + blocks[behind..<usableCount]
    }

    /// Leading blocks of a sequence that lie behind every window of the tokens after the first `computed`. The last of
    /// the `shared` ones, which the cache knows, is not among them: the next is filed under it.
    func behindCount(computed: Int, shared: Int) -> Int {
        guard let window else { return 0 }
        let behind = Decoder.positionsBehind(window: window, length: computed) / PrefixCache.blockLength
        return cachesPrefixes ? max(min(behind, shared - 1), 0) : behind
    }

    /// How many of a sequence's blocks nobody else holds; not counted: what it goes on to hold.
    func loneCount(_ blocks: some Collection<Int32>, besides kept: [Int32] = []) -> Int {
        let kept = Set(kept)
        return blocks.count { $0 != Self.none && references[Int($0)] == 1 && !kept.contains($0) }
    }

    /// How many cached blocks nobody holds.
    func idleCount(_ blocks: [Int32]) -> Int { blocks.count { $0 != Self.none && references[Int($0)] == 0 } }

    mutating func hold(_ blocks: some Collection<Int32>) {
        for block in blocks where block != Self.none {
            references[Int(block)] += 1
            if references[Int(block)] == 1 { cache.hold(block) }
        }
    }

    /// Gives blocks back, the last first: a prefix outlives what follows it.
    mutating func release(_ blocks: some BidirectionalCollection<Int32>) {
        for block in blocks.reversed() where block != Self.none {
            references[Int(block)] -= 1
            guard references[Int(block)] == 0 else { continue }
            if cache.contains(block) { cache.release(block) } else { returned.append(block) }
        }
    }

    /// Lets others find a full block of a held sequence, block `index` of `blocks`, those before it being cached. If
    /// another one has the same prefix already, that one replaces it: true.
    mutating func share(_ blocks: inout [Int32], _ index: Int, tokens: [Int32], partition: CachePartition) -> Bool {
        let parent = index == 0 ? nil : cache.node(of: blocks[index - 1])
        let edge = edge(tokens, index, parent, partition)
        guard let existing = cache.child(edge).flatMap(cache.block) else {
            cache.insert(blocks[index], at: edge)
            return false
        }
        hold(CollectionOfOne(existing))
        release(CollectionOfOne(blocks[index]))
        blocks[index] = existing
        return true
    }

    private func edge(
        _ tokens: [Int32], _ index: Int, _ parent: PrefixCache.NodeID?, _ partition: CachePartition
    ) -> PrefixCache.Edge {
        let start = index * PrefixCache.blockLength
        return PrefixCache.Edge(
            parent: parent, partition: partition, tokens: tokens[start..<start + PrefixCache.blockLength])
    }
}
