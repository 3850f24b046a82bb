import IsterDecoder

/// Whose requests may share blocks.
enum CachePartition: Hashable, Sendable {
    case client(String)
    case named(String)
}

/// Blocks of the key/value cache by the tokens that led to them: a trie whose edges are 16 tokens. A prefix is found by
/// comparing its tokens; hashes only lead to the place.
///
/// Who holds a block also holds those before it, except those behind every window. So blocks go in the order in which
/// they were last held, ends before what leads to them; a node whose block went while others lie under it stays without
/// one, since with a window these are of use without it.
struct PrefixCache {
    static let blockLength = Decoder.blockPositions

    typealias NodeID = Int

    struct Edge: Hashable {
        /// nil: the partition's first block.
        var parent: NodeID?
        var partition: CachePartition
        var tokens: ArraySlice<Int32>
    }

    private struct Node {
        var edge: Edge
        var block: Int32?
        var childCount = 0
        var isHeld = true
        /// When it was last held.
        var stamp = 0
    }

    private var children: [Edge: NodeID] = [:]
    private var nodes: [NodeID: Node] = [:]
    private var nodeIDs: [Int32: NodeID] = [:]
    private var nextID = 0
    private var idle = IdleBlocks()
    private var clock = 0
    /// Cached blocks that nobody holds: all of them can be evicted.
    private(set) var idleCount = 0
    /// Cached blocks that were given to others, since the start.
    private(set) var evictionCount = 0

    /// Cached blocks.
    var count: Int { nodeIDs.count }
    var nodeCount: Int { nodes.count }
    var idleCandidateCount: Int { idle.count }

    func child(_ edge: Edge) -> NodeID? { children[edge] }

    /// nil: its block went.
    func block(of node: NodeID) -> Int32? { nodes[node]?.block }

    func node(of block: Int32) -> NodeID? { nodeIDs[block] }

    func contains(_ block: Int32) -> Bool { nodeIDs[block] != nil }

    func parent(of node: NodeID) -> NodeID? { nodes[node]?.edge.parent }

    /// Adds a held block. The edge leads from a node that is there to none that has a block.
    mutating func insert(_ block: Int32, at edge: Edge) {
        if let node = children[edge] {
            nodes[node]?.block = block
            nodes[node]?.isHeld = true
            nodeIDs[block] = node
            return
        }
        // The slice would keep the whole prompt alive.
        let owned = Edge(parent: edge.parent, partition: edge.partition, tokens: ArraySlice(Array(edge.tokens)))
        children[owned] = nextID
        nodes[nextID] = Node(edge: owned, block: block)
        nodeIDs[block] = nextID
        nextID += 1
        if let parent = edge.parent { nodes[parent]?.childCount += 1 }
    }

    /// Somebody holds the block again.
    mutating func hold(_ block: Int32) {
        guard let node = nodeIDs[block], nodes[node]?.isHeld == false else { return }
        nodes[node]?.isHeld = true
        idleCount -= 1
    }

    /// Nobody holds the block any more.
    mutating func release(_ block: Int32) {
        guard let node = nodeIDs[block] else { return }
        clock += 1
        nodes[node]?.isHeld = false
        nodes[node]?.stamp = clock
        idleCount += 1
        idle.push(IdleBlocks.Candidate(stamp: clock, block: block))
        if idle.count > 4 * nodeIDs.count + 64 { rebuildIdle() }
    }

    /// Forgets the least recently held block.
    mutating func evict() -> Int32? {
        while let candidate = idle.popOldest() {
            guard let id = nodeIDs[candidate.block], let node = nodes[id], !node.isHeld, node.stamp == candidate.stamp
            else { continue }
            nodeIDs[candidate.block] = nil
            nodes[id]?.block = nil
            idleCount -= 1
            evictionCount += 1
            removeEnds(id)
            return candidate.block
        }
        return nil
    }

    /// Removes nodes that lead nowhere, from `last` upwards.
    private mutating func removeEnds(_ last: NodeID) {
        var end: NodeID? = last
        while let id = end, let node = nodes[id], node.block == nil, node.childCount == 0 {
            nodes[id] = nil
            children[node.edge] = nil
            if let parent = node.edge.parent { nodes[parent]?.childCount -= 1 }
            end = node.edge.parent
        }
    }

    /// Drops candidates that were held again since.
    private mutating func rebuildIdle() {
        idle = IdleBlocks()
        for node in nodes.values {
            guard let block = node.block, !node.isHeld else { continue }
            idle.push(IdleBlocks.Candidate(stamp: node.stamp, block: block))
        }
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
