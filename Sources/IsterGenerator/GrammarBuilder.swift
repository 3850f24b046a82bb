/// Puts a grammar together from its end to its beginning: each method gives the node that comes before `next`.
struct GrammarBuilder: Sendable {
    typealias NodeID = Grammar.NodeID
    typealias RuleID = Grammar.RuleID

    /// The end of each rule.
    static let end: NodeID = 0
    /// Nodes of one grammar: bounds memory and the time to prepare it.
    static let nodeLimit = 1 << 17

    /// Bytes that the vocabulary has a token for. What needs another one cannot be written.
    let spellable: ByteSet
    private var nodes: [Grammar.Node] = [.end]
    private var sets: [ByteSet] = []
    private var setIDs: [ByteSet: Int32] = [:]
    private var edges: [NodeID] = []
    private var entries: [NodeID?] = []

    init(spellable: ByteSet = .all) {
        self.spellable = spellable
    }

    /// Nodes and edges.
    var size: Int { nodes.count + edges.count }
    /// Once it is, nothing is added any more, and what was made must not be used.
    var isTooLarge: Bool { size > Self.nodeLimit }

    mutating func bytes(_ set: ByteSet, _ next: NodeID) -> NodeID {
        let set = set & spellable
        guard !set.isEmpty else { return choice([]) }
        let id = setIDs[set] ?? Int32(truncatingIfNeeded: sets.count)
        if setIDs[set] == nil {
            setIDs[set] = id
            sets.append(set)
        }
        return add(.bytes(set: id, next: next))
    }

    mutating func literal(_ text: some BidirectionalCollection<UInt8>, _ next: NodeID) -> NodeID {
        text.reversed().reduce(next) { bytes(ByteSet($1), $0) }
    }

    mutating func literal(_ text: String, _ next: NodeID) -> NodeID { literal(Array(text.utf8), next) }

    mutating func choice(_ nodes: [NodeID]) -> NodeID {
        var seen: Set<NodeID> = []
        let unique = nodes.filter { seen.insert($0).inserted }
        if unique.count == 1 { return unique[0] }
        guard !isTooLarge else { return Self.end }
        let first = Int32(truncatingIfNeeded: edges.count)
        edges += unique
        return add(.choice(first: first, end: Int32(truncatingIfNeeded: edges.count)))
    }

    mutating func call(_ rule: RuleID, _ next: NodeID) -> NodeID { add(.call(rule: rule, next: next)) }

    /// maximum: nil for any number.
    mutating func loop(_ rule: RuleID, _ minimum: Int, _ maximum: Int?, _ next: NodeID) -> NodeID {
        let most = maximum.map { Int32(clamping: min($0, Int(Int32.max) - 1)) } ?? Grammar.unlimited
        guard minimum <= Int(most) else { return choice([]) }
        return add(.loop(rule: rule, minimum: Int32(clamping: minimum), maximum: most, next: next))
    }

    mutating func token(_ id: Int32, _ next: NodeID) -> NodeID { add(.token(id, next: next)) }

    /// A rule that is defined later: until then nothing satisfies it.
    mutating func reserve() -> RuleID {
        entries.append(nil)
        return RuleID(truncatingIfNeeded: entries.count - 1)
    }

    mutating func define(_ rule: RuleID, _ entry: NodeID) {
        entries[Int(rule)] = entry
    }

    mutating func rule(_ entry: NodeID) -> RuleID {
        let rule = reserve()
        define(rule, entry)
        return rule
    }

    mutating func grammar(_ start: NodeID) -> Grammar {
        let nothing = choice([])
        return Grammar(
            nodes: nodes, sets: sets, edges: edges, entries: entries.map { $0 ?? nothing }, start: start)
    }

    private mutating func add(_ node: Grammar.Node) -> NodeID {
        guard !isTooLarge else { return Self.end }
        nodes.append(node)
        return NodeID(truncatingIfNeeded: nodes.count - 1)
    }
}
