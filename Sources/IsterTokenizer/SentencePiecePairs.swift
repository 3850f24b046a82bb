/// The merges that a scored vocabulary implies: two neighbours merge when their joined spelling is a piece.
struct SentencePiecePairs: Sendable {
    private(set) var table: PairTable
    private(set) var characters: CharacterIDs
    /// Characters that are no pieces but begin or end one have ids from `pieces.count` on; these are their texts.
    private(set) var partOnly = PieceList()
    /// True when no pair has U+2581 at the start of its right side and something else before it: then words
    /// merge independently.
    private(set) var wordsAreIndependent = true

    private let pieces: PieceList

    /// `includes` picks the pieces that text may become.
    init(_ pieces: PieceList, _ model: Vocabulary.SentencePieceModel, includes: (Int) -> Bool) {
        self.pieces = pieces
        let types = model.types
        characters = CharacterIDs(pieces, count: types.count, includes: includes)
        let merges = types.indices.map { id in
            includes(id) && (types[id] == .normal || types[id] == .userDefined || types[id] == .unused)
        }
        let index = PieceIndex(pieces) { $0 < merges.count && merges[$0] }
        table = PairTable(count: 0)
        var splits: [Split] = []
        for id in 0..<merges.count where merges[id] { collect(id, index, &splits) }
        let ranks = Self.ranks(model.scores)
        table = PairTable(count: splits.count)
        for split in splits {
            table.insert(split.left, split.right, PairTable.value(rank: ranks[Int(split.result)], result: split.result))
        }
    }

    private struct Split {
        var left: Int32
        var right: Int32
        var result: Int32
    }

    /// Order of a score among the distinct scores, the highest first.
    private static func ranks(_ scores: [Float]) -> [Int] {
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        var ranks = [Int](repeating: 0, count: scores.count)
        var rank = 0
        for place in order.indices {
            if place > 0, scores[order[place]] != scores[order[place - 1]] { rank += 1 }
            ranks[order[place]] = rank
        }
        return ranks
    }

    private mutating func collect(_ id: Int, _ index: PieceIndex, _ splits: inout [Split]) {
        let range = pieces.range(id)
        var cut = range.lowerBound
        while cut < range.upperBound {
            cut += UTF8Text.length(lead: pieces.bytes[cut])
            if cut >= range.upperBound { break }
            let left = range.lowerBound..<cut
            let right = cut..<range.upperBound
            guard isSymbol(left, index), isSymbol(right, index) else { continue }
            splits.append(Split(left: symbol(left, index), right: symbol(right, index), result: Int32(id)))
            let joinsWords =
                UTF8Text.starts(pieces.bytes, at: cut, with: UTF8Text.escapedSpace)
                && !pieces.bytes[left].suffix(3).elementsEqual(UTF8Text.escapedSpace)
            if joinsWords { wordsAreIndependent = false }
        }
    }

    private func isCharacter(_ range: Range<Int>) -> Bool {
        UTF8Text.length(lead: pieces.bytes[range.lowerBound]) == range.count
    }

    private func isSymbol(_ range: Range<Int>, _ index: PieceIndex) -> Bool {
        isCharacter(range) || index.find(pieces.bytes, range, in: pieces) >= 0
    }

    /// Id of a part, given out now when the part is a character without a piece.
    private mutating func symbol(_ range: Range<Int>, _ index: PieceIndex) -> Int32 {
        guard isCharacter(range) else { return index.find(pieces.bytes, range, in: pieces) }
        let scalar = UTF8Text.scalar(pieces.bytes, range.lowerBound).value
        if characters[scalar] < 0 {
            characters[scalar] = Int32(pieces.count + partOnly.count)
            partOnly.append(pieces.bytes[range])
        }
        return characters[scalar]
    }
}
