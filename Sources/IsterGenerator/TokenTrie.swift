/// The tokens of a vocabulary that have text, as a tree of their bytes in the order of a walk: a node's subtree follows
/// it. A node takes 12 bytes.
public struct TokenTrie: Sendable {
    /// Longer tokens are left out, so they are never allowed.
    static let longestToken = 255

    public let vocabularySize: Int
    /// Last byte of each node's path.
    let bytes: [UInt8]
    /// Bytes of its path, less one.
    let depths: [UInt8]
    /// The node after its subtree.
    let ends: [Int32]
    /// The token that its path spells; -1 if there is none.
    let ids: [Int32]
    /// Further tokens that are spelled like another one.
    let twins: [(id: Int32, like: Int32)]
    let deepest: Int
    /// Bytes that are a token by themselves.
    let singleBytes: ByteSet
    /// Tokens of whole characters that a JSON string has without an escape.
    let plainTokens: TokenMask
    /// Characters of each of them, 0 for all other tokens and twins, [vocabularySize].
    let plainCounts: [UInt8]
    let longestPlain: Int
    /// Nodes whose subtree has no other tokens.
    let isPlain: [Bool]
    private let texts: [UInt8]
    private let textStarts: [Int]

    /// text: what a token puts into the text, perhaps part of a character; empty for one that must never be chosen
    /// where text is constrained.
    public init(vocabularySize: Int, text: (Int32) -> [UInt8]) {
        self.vocabularySize = vocabularySize
        var texts: [UInt8] = []
        var starts = [0]
        var single = ByteSet()
        for id in 0..<vocabularySize {
            let bytes = text(Int32(truncatingIfNeeded: id))
            if bytes.count <= Self.longestToken { texts += bytes }
            starts.append(texts.count)
            if bytes.count == 1 { single.insert(bytes[0]) }
        }
        singleBytes = single
        var sorted = (0..<vocabularySize).filter { starts[$0 + 1] > starts[$0] }
        sorted.sort { Self.precedes(texts, starts, $0, $1) }
        var tree = Tree()
        for id in sorted { tree.add(texts[starts[id]..<starts[id + 1]], Int32(truncatingIfNeeded: id)) }
        tree.close(to: 0)
        (bytes, depths, ends, ids, twins) = (tree.bytes, tree.depths, tree.ends, tree.ids, tree.twins)
        deepest = Int(tree.depths.max() ?? 0)
        (plainTokens, plainCounts, isPlain) = Self.plain(tree, vocabularySize, PlainText(spellable: single))
        longestPlain = Int(plainCounts.max() ?? 0)
        self.texts = texts
        textStarts = starts
    }

    /// Bytes of a token; empty where it has none here.
    func text(_ id: Int32) -> ArraySlice<UInt8> {
        guard id >= 0, Int(id) < vocabularySize else { return [] }
        return texts[textStarts[Int(id)]..<textStarts[Int(id) + 1]]
    }

    /// Equal texts by rising id.
    private static func precedes(_ texts: [UInt8], _ starts: [Int], _ left: Int, _ right: Int) -> Bool {
        var (first, second) = (starts[left], starts[right])
        while first < starts[left + 1], second < starts[right + 1] {
            if texts[first] != texts[second] { return texts[first] < texts[second] }
            first += 1
            second += 1
        }
        let lengths = (starts[left + 1] - starts[left], starts[right + 1] - starts[right])
        return lengths.0 != lengths.1 ? lengths.0 < lengths.1 : left < right
    }

    private static func plain(
        _ tree: Tree, _ vocabularySize: Int, _ text: PlainText
    ) -> (tokens: TokenMask, counts: [UInt8], nodes: [Bool]) {
        var tokens = TokenMask(vocabularySize: vocabularySize)
        var counts = [UInt8](repeating: 0, count: vocabularySize)
        var nodes = [Bool](repeating: true, count: tree.bytes.count)
        var path = [UInt8](repeating: 0, count: Self.longestToken)
        for index in tree.bytes.indices {
            let depth = Int(tree.depths[index])
            path[depth] = tree.bytes[index]
            guard tree.ids[index] >= 0 else { continue }
            guard let count = text.characterCount(path[...depth]) else {
                nodes[index] = false
                continue
            }
            tokens.insert(tree.ids[index])
            counts[Int(tree.ids[index])] = UInt8(truncatingIfNeeded: count)
        }
        for twin in tree.twins where tokens.contains(Int(twin.like)) { tokens.insert(twin.id) }
        // From the leaves to the root.
        var parents: [Int] = []
        for index in nodes.indices.reversed() {
            // What was seen since is behind it in the walk: its subtree, if it lies before its end.
            while let last = parents.last, last < Int(tree.ends[index]) {
                if !nodes[last] { nodes[index] = false }
                parents.removeLast()
            }
            parents.append(index)
        }
        return (tokens, counts, nodes)
    }

    /// Takes texts in their order.
    private struct Tree {
        var bytes: [UInt8] = []
        var depths: [UInt8] = []
        var ends: [Int32] = []
        var ids: [Int32] = []
        var twins: [(id: Int32, like: Int32)] = []
        private var path: [Int] = []

        mutating func add(_ text: ArraySlice<UInt8>, _ id: Int32) {
            var shared = 0
            for byte in text {
                guard shared < path.count, bytes[path[shared]] == byte else { break }
                shared += 1
            }
            if shared == text.count, shared == path.count, let last = path.last {
                return twins.append((id, ids[last]))
            }
            close(to: shared)
            for byte in text.dropFirst(shared) {
                bytes.append(byte)
                depths.append(UInt8(truncatingIfNeeded: path.count))
                ends.append(0)
                ids.append(-1)
                path.append(bytes.count - 1)
            }
            if let last = path.last { ids[last] = id }
        }

        /// Leaves all but the first `count` nodes of the path.
        mutating func close(to count: Int) {
            while path.count > count { ends[path.removeLast()] = Int32(truncatingIfNeeded: bytes.count) }
        }
    }
}
