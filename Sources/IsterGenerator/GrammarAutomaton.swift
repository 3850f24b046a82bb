/// Runs a grammar on bytes. A state is the set of all ways to have read what was read, each with its stack; states and
/// their transitions are kept, so that a byte that was seen in a state costs one look into a table.
struct GrammarAutomaton: Sendable {
    typealias StateID = Int32

    /// Where one way of reading stands: a node that takes a byte or a token, or the end, and the stack below it.
    struct Thread: Sendable, Hashable, Comparable {
        var node: Grammar.NodeID
        /// Index into `frames`; 0 is the empty stack.
        var stack: Int32

        static func < (left: Thread, right: Thread) -> Bool {
            (left.node, left.stack) < (right.node, right.stack)
        }
    }

    /// A call or loop that is under way, on top of its parent. Equal stacks are one.
    private struct Frame: Sendable, Hashable {
        var node: Grammar.NodeID
        /// Rounds of a loop that are done.
        var count: Int32
        var parent: Int32
    }

    /// Nothing can be read on.
    static let dead: StateID = -1
    static let unknown: StateID = -2
    /// Ways of reading in one state. Those beyond are given up: what is left still ends in valid documents.
    private static let threadLimit = 2048
    /// Threads that are looked at to find those of one state, after which the others are given up, too.
    static let closeLimit = 1 << 15
    /// Kept threads of all states, after which `compact` starts anew.
    private static let keptLimit = 1 << 18
    private static let transitionLimit = 1 << 20

    let grammar: Grammar
    private var frames: [Frame] = [Frame(node: 0, count: 0, parent: 0)]
    private var depths: [Int32] = [0]
    private var frameIDs: [Frame: Int32] = [:]
    private var states: [[Thread]] = []
    private var stateIDs: [[Thread]: StateID] = [:]
    /// [state][class]
    private(set) var transitions: [StateID] = []
    private var keptCount = 0
    /// Before anything was read; nil: not looked for since the last `compact`.
    private var first: StateID?
    /// Threads that may be looked at before unknown transitions count as dead; nil: any number. The transition that
    /// uses it up is still found: it may take `closeLimit` more.
    var fuel: Int?

    init(_ grammar: Grammar) {
        self.grammar = grammar
    }

    var classCount: Int { grammar.classBytes.count }
    /// Whether `compact` should be called.
    var isFull: Bool {
        keptCount > Self.keptLimit || transitions.count > Self.transitionLimit || frames.count > Self.keptLimit
    }

    /// Before anything was read.
    mutating func start() -> StateID {
        if let first { return first }
        let state = close([Thread(node: grammar.start, stack: 0)])
        first = state
        return state
    }

    /// After one more byte.
    mutating func next(_ state: StateID, _ byte: UInt8) -> StateID {
        next(state, class: Int(grammar.classes[Int(byte)]))
    }

    mutating func next(_ state: StateID, class number: Int) -> StateID {
        guard state >= 0 else { return Self.dead }
        let slot = Int(state) * classCount + number
        let known = transitions[slot]
        guard known == Self.unknown else { return known }
        if let fuel, fuel <= 0 { return Self.dead }
        let byte = grammar.classBytes[number]
        var reached: [Thread] = []
        for thread in states[Int(state)] {
            guard case .bytes(let set, let next) = grammar.nodes[Int(thread.node)] else { continue }
            if grammar.sets[Int(set)].contains(byte) { reached.append(Thread(node: next, stack: thread.stack)) }
        }
        let next = reached.isEmpty ? Self.dead : close(reached)
        transitions[slot] = next
        return next
    }

    /// After a token that has no text.
    mutating func next(_ state: StateID, token: Int32) -> StateID {
        guard state >= 0 else { return Self.dead }
        var reached: [Thread] = []
        for thread in states[Int(state)] {
            guard case .token(token, let next) = grammar.nodes[Int(thread.node)] else { continue }
            reached.append(Thread(node: next, stack: thread.stack))
        }
        return reached.isEmpty ? Self.dead : close(reached)
    }

    /// Tokens without text that may come.
    func tokens(_ state: StateID) -> [Int32] {
        guard state >= 0 else { return [] }
        return states[Int(state)].compactMap { thread in
            if case .token(let id, _) = grammar.nodes[Int(thread.node)] { id } else { nil }
        }
    }

    /// Whether what was read is a whole document.
    func isComplete(_ state: StateID) -> Bool {
        state >= 0 && states[Int(state)].contains(Thread(node: GrammarBuilder.end, stack: 0))
    }

    /// Whether more can follow.
    func canGoOn(_ state: StateID) -> Bool {
        state >= 0 && states[Int(state)].contains { $0.node != GrammarBuilder.end }
    }

    /// Forgets all but one state, and gives its new name.
    mutating func compact(keeping state: StateID) -> StateID {
        guard state >= 0 else { return state }
        let (threads, old) = (states[Int(state)], frames)
        (frames, depths, frameIDs) = ([old[0]], [0], [:])
        (states, stateIDs, transitions, keptCount, first) = ([], [:], [], 0, nil)
        var renamed: [Int32: Int32] = [0: 0]
        var kept: [Thread] = []
        for thread in threads {
            var path: [Int32] = []
            var stack = thread.stack
            while renamed[stack] == nil {
                path.append(stack)
                stack = old[Int(stack)].parent
            }
            for frame in path.reversed() {
                let (node, count, parent) = (old[Int(frame)].node, old[Int(frame)].count, old[Int(frame)].parent)
                renamed[frame] = push(node, count, on: renamed[parent] ?? 0)
            }
            kept.append(Thread(node: thread.node, stack: renamed[thread.stack] ?? 0))
        }
        return intern(kept)
    }

    /// The state of all threads that these lead to without reading.
    private mutating func close(_ threads: [Thread]) -> StateID {
        var pending = threads
        var seen: Set<Thread> = []
        var reached: [Thread] = []
        // A thread that the stack is enough for can be completed, so looking goes on until one is reached: no state is
        // dead for want of it.
        var count = 0
        while count < Self.closeLimit || reached.isEmpty, let thread = pending.popLast() {
            count += 1
            let height = Int(depths[Int(thread.stack)]) + Int(grammar.heights[Int(thread.node)])
            guard height <= Grammar.depthLimit, seen.insert(thread).inserted else { continue }
            switch grammar.nodes[Int(thread.node)] {
            case .bytes, .token: reached.append(thread)
            case .end:
                if thread.stack == 0 { reached.append(thread) } else { leave(thread.stack, &pending) }
            case .choice(let first, let end):
                for index in Int(first)..<Int(end) {
                    pending.append(Thread(node: grammar.edges[index], stack: thread.stack))
                }
            case .call(let rule, let next):
                // A call at the end of a rule needs no frame: its end is the rule's.
                let isLast = next == GrammarBuilder.end
                let stack = isLast ? thread.stack : push(thread.node, 0, on: thread.stack)
                pending.append(Thread(node: grammar.entries[Int(rule)], stack: stack))
            case .loop: enter(loop: thread.node, count: 0, thread.stack, &pending)
            }
        }
        fuel = fuel.map { $0 - count }
        reached.sort()
        return intern(reached.count > Self.threadLimit ? Array(reached[..<Self.threadLimit]) : reached)
    }

    /// A rule has ended.
    private mutating func leave(_ stack: Int32, _ pending: inout [Thread]) {
        let frame = frames[Int(stack)]
        switch grammar.nodes[Int(frame.node)] {
        case .call(_, let next): pending.append(Thread(node: next, stack: frame.parent))
        case .loop: enter(loop: frame.node, count: frame.count + 1, frame.parent, &pending)
        default: break
        }
    }

    /// Another round of a loop, or what follows it.
    private mutating func enter(loop: Grammar.NodeID, count: Int32, _ stack: Int32, _ pending: inout [Thread]) {
        guard case .loop(let rule, let minimum, let maximum, let next) = grammar.nodes[Int(loop)] else { return }
        if count < maximum {
            // Without a maximum, rounds beyond the minimum need no counting, so the states repeat.
            let kept = maximum == Grammar.unlimited ? min(count, minimum) : count
            pending.append(Thread(node: grammar.entries[Int(rule)], stack: push(loop, kept, on: stack)))
        }
        if count >= minimum { pending.append(Thread(node: next, stack: stack)) }
    }

    private mutating func push(_ node: Grammar.NodeID, _ count: Int32, on parent: Int32) -> Int32 {
        let frame = Frame(node: node, count: count, parent: parent)
        if let id = frameIDs[frame] { return id }
        let id = Int32(truncatingIfNeeded: frames.count)
        frames.append(frame)
        depths.append(depths[Int(parent)] + 1)
        frameIDs[frame] = id
        return id
    }

    private mutating func intern(_ threads: [Thread]) -> StateID {
        guard !threads.isEmpty else { return Self.dead }
        if let id = stateIDs[threads] { return id }
        let id = StateID(truncatingIfNeeded: states.count)
        states.append(threads)
        stateIDs[threads] = id
        transitions += repeatElement(Self.unknown, count: classCount)
        keptCount += threads.count
        return id
    }
}
