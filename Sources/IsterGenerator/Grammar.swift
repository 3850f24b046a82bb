/// A language of byte strings as a pushdown automaton: nodes that are gone through, and rules, which are entered, left
/// at an `end` node, and may contain themselves. Made by `GrammarBuilder`, run by `GrammarAutomaton`.
///
/// Whatever has been begun can be completed: `heights` tells how much stack that takes at least, and no step is taken
/// that leaves too little of it.
public struct Grammar: Sendable {
    typealias NodeID = Int32
    typealias RuleID = Int32

    enum Node: Sendable {
        /// The rule's end.
        case end
        /// One byte of `sets[set]`.
        case bytes(set: Int32, next: NodeID)
        /// One of `edges[first..<end]`; none: nothing goes on here.
        case choice(first: Int32, end: Int32)
        case call(rule: RuleID, next: NodeID)
        /// A rule `minimum` to `maximum` times. The rule must consume something.
        case loop(rule: RuleID, minimum: Int32, maximum: Int32, next: NodeID)
        /// A token that has no text.
        case token(Int32, next: NodeID)
    }

    /// `maximum` of a loop without one.
    static let unlimited = Int32.max
    /// Frames of the stack. Each array and object takes one, so documents nest less deep than what readers allow.
    static let depthLimit = 64
    /// The height of what can never be completed.
    static let endless = Int16.max

    let nodes: [Node]
    let sets: [ByteSet]
    let edges: [NodeID]
    /// First node of each rule.
    let entries: [NodeID]
    let start: NodeID
    /// For each node, the stack that its way to the end of its rule needs at least; `endless` if there is none.
    let heights: [Int16]
    /// Bytes that no set tells apart have the same class, [256].
    let classes: [UInt8]
    /// A byte of each class.
    let classBytes: [UInt8]

    init(nodes: [Node], sets: [ByteSet], edges: [NodeID], entries: [NodeID], start: NodeID) {
        self.nodes = nodes
        self.sets = sets
        self.edges = edges
        self.entries = entries
        self.start = start
        heights = GrammarHeights.find(nodes: nodes, edges: edges, entries: entries)
        (classes, classBytes) = Self.classes(sets)
    }

    /// Whether any document exists that the stack is enough for.
    public var isPossible: Bool { Int(heights[Int(start)]) <= Self.depthLimit }

    private static func classes(_ sets: [ByteSet]) -> (classes: [UInt8], bytes: [UInt8]) {
        var classes = [UInt8](repeating: 0, count: 256)
        for set in sets {
            // Splits each class into the bytes within and those without. There are never more than 256.
            var renamed: [UInt16: UInt8] = [:]
            for byte in 0..<256 {
                let key = UInt16(classes[byte]) << 1 | (set.contains(UInt8(byte)) ? 1 : 0)
                let name = renamed[key] ?? UInt8(renamed.count)
                renamed[key] = name
                classes[byte] = name
            }
        }
        let count = Int(classes.max() ?? 0) + 1
        let bytes = (0..<count).map { UInt8(classes.firstIndex(of: UInt8($0)) ?? 0) }
        return (classes, bytes)
    }
}

/// The stack that each node needs to reach its rule's end.
enum GrammarHeights {
    /// Rules that refer to later ones in a chain longer than this count as endless; it bounds the time.
    private static let roundLimit = 256

    /// The least fixed point, from above: what stays endless has no end. A node's successors have lower ids, so each
    /// round settles at least one more reference to a later rule.
    static func find(nodes: [Grammar.Node], edges: [Int32], entries: [Int32]) -> [Int16] {
        var heights = [Int16](repeating: Grammar.endless, count: nodes.count)
        var hasChanged = true
        var round = 0
        while hasChanged, round < roundLimit {
            hasChanged = false
            round += 1
            for index in nodes.indices {
                let height = height(nodes[index], heights, edges, entries)
                guard height < heights[index] else { continue }
                heights[index] = height
                hasChanged = true
            }
        }
        return heights
    }

    private static func height(
        _ node: Grammar.Node, _ heights: [Int16], _ edges: [Int32], _ entries: [Int32]
    ) -> Int16 {
        func above(_ rule: Int32) -> Int16 {
            let inner = heights[Int(entries[Int(rule)])]
            return inner >= Int16(Grammar.depthLimit) ? Grammar.endless : inner + 1
        }
        switch node {
        case .end: return 0
        case .bytes(_, let next), .token(_, let next): return heights[Int(next)]
        case .choice(let first, let end):
            return edges[Int(first)..<Int(end)].lazy.map { heights[Int($0)] }.min() ?? Grammar.endless
        case .call(let rule, GrammarBuilder.end): return heights[Int(entries[Int(rule)])]
        case .call(let rule, let next): return max(above(rule), heights[Int(next)])
        case .loop(let rule, let minimum, _, let next):
            return minimum == 0 ? heights[Int(next)] : max(above(rule), heights[Int(next)])
        }
    }
}
