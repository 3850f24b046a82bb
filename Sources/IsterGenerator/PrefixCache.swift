import IsterDecoder

/// Whose requests may share blocks.
enum CachePartition: Hashable, Sendable {
    case client(String)
    case named(String)
}

/// Blocks of the key/value cache by the tokens that led to them: a trie whose edges are 16 tokens. A prefix is found by
/// comparing its tokens; hashes only lead to the place. A node is named by its block. Whoever holds a block also holds
/// those before it, so a block that nobody holds has only such blocks under it.
struct PrefixCache {
    static let blockLength = Decoder.blockPositions

    struct Edge: Hashable {
        /// nil: the partition's first block.
        var parent: Int32?
        var partition: CachePartition
        var tokens: ArraySlice<Int32>
    }

    private struct Node {
        var edge: Edge
        var childCount = 0
        var isHeld = true
        /// When it was last held.
        var stamp = 0
    }

    private var children: [Edge: Int32] = [:]
    private var nodes: [Int32: Node] = [:]
    private var idle = IdleBlocks()
    private var clock = 0
    /// Cached blocks that nobody holds: all of them can be evicted, one after the other.
    private(set) var idleCount = 0
    /// Cached blocks that were given to others, since the start.
    private(set) var evictionCount = 0

    var count: Int { nodes.count }
    var idleCandidateCount: Int { idle.count }

    func child(_ edge: Edge) -> Int32? { children[edge] }

    func contains(_ block: Int32) -> Bool { nodes[block] != nil }

    func parent(of block: Int32) -> Int32? { nodes[block]?.edge.parent }

    /// Adds a held block. The edge must be new and its parent cached.
    mutating func insert(_ block: Int32, at edge: Edge) {
        // The slice would keep the whole prompt alive.
        let owned = Edge(parent: edge.parent, partition: edge.partition, tokens: ArraySlice(Array(edge.tokens)))
        children[owned] = block
        nodes[block] = Node(edge: owned)
        if let parent = edge.parent { nodes[parent]?.childCount += 1 }
    }

    /// Somebody holds the block again.
    mutating func hold(_ block: Int32) {
        guard nodes[block]?.isHeld == false else { return }
        nodes[block]?.isHeld = true
        idleCount -= 1
    }

    /// Nobody holds the block any more.
    mutating func release(_ block: Int32) {
        clock += 1
        nodes[block]?.isHeld = false
        nodes[block]?.stamp = clock
        idleCount += 1
        offer(block)
        if idle.count > 4 * nodes.count + 64 { rebuildIdle() }
    }

    /// Forgets the least recently held block that has none under it.
    mutating func evict() -> Int32? {
        while let candidate = idle.popOldest() {
            guard let node = nodes[candidate.block], isEvictable(node), node.stamp == candidate.stamp else { continue }
            nodes[candidate.block] = nil
            children[node.edge] = nil
            idleCount -= 1
            evictionCount += 1
            if let parent = node.edge.parent {
                nodes[parent]?.childCount -= 1
                offer(parent)
            }
            return candidate.block
        }
        return nil
    }

    private func isEvictable(_ node: Node) -> Bool { !node.isHeld && node.childCount == 0 }

    private mutating func offer(_ block: Int32) {
        guard let node = nodes[block], isEvictable(node) else { return }
        idle.push(IdleBlocks.Candidate(stamp: node.stamp, block: block))
    }

    /// Drops candidates that were held again since.
    private mutating func rebuildIdle() {
        idle = IdleBlocks()
        for block in nodes.keys { offer(block) }
    }
}

/// A heap of blocks that may be evicted, the longest idle on top. Stamps are unique, so the order is too.
struct IdleBlocks {
    struct Candidate {
        var stamp: Int
        var block: Int32
    }

    private var heap: [Candidate] = []

    var count: Int { heap.count }

    mutating func push(_ candidate: Candidate) {
        heap.append(candidate)
        var index = heap.count - 1
        while index > 0, heap[index].stamp < heap[(index - 1) / 2].stamp {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func popOldest() -> Candidate? {
        guard let last = heap.popLast() else { return nil }
        guard let top = heap.first else { return last }
        heap[0] = last
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if heap[child].stamp < heap[least].stamp { least = child }
            }
            if least == index { return top }
            heap.swapAt(index, least)
            index = least
        }
    }
}
