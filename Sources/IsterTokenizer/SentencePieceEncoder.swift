/// Text to ids as the sentencepiece library does for BPE models whose normalizer is the identity.
struct SentencePieceEncoder: Sendable {
    private let pieces: PieceList
    private let model: Vocabulary.SentencePieceModel
    private let unknownID: Int32
    private let pairs: SentencePiecePairs
    /// Matched as a whole before anything merges.
    private var userDefined = ByteTrie()
    private var byteIDs = [Int32](repeating: 0, count: 256)
    private let spaceID: Int32
    private let unused: [Bool]
    private let cutsWords: Bool

    init(_ pieces: PieceList, _ model: Vocabulary.SentencePieceModel, addedTokens: [Vocabulary.AddedToken]) {
        self.pieces = pieces
        self.model = model
        let isOwn = Self.ownPieces(model, addedTokens)
        unknownID = Int32(model.types.firstIndex(of: .unknown) ?? 0)
        pairs = SentencePiecePairs(pieces, model) { isOwn[$0] }
        for id in 0..<model.types.count where isOwn[id] {
            switch model.types[id] {
            case .userDefined: userDefined.insert(pieces[id], id: Int32(id))
            case .byte: if let byte = BytePiece.value(pieces[id]) { byteIDs[Int(byte)] = Int32(id) }
            default: break
            }
        }
        spaceID = pairs.characters[0x2581]
        let hasUnused = model.types.contains(.unused)
        unused = hasUnused ? model.types.map { $0 == .unused } : []
        // A piece that is split again may look at pairs of other words, so then the text stays whole.
        cutsWords = pairs.wordsAreIndependent && spaceID >= 0 && !hasUnused
    }

    /// Which ids the model matches itself. A user-defined piece that is an added token was cut out of the text before;
    /// what is left of its spelling is a user's, which must not become the token.
    private static func ownPieces(
        _ model: Vocabulary.SentencePieceModel, _ addedTokens: [Vocabulary.AddedToken]
    ) -> [Bool] {
        var isOwn = [Bool](repeating: true, count: model.types.count)
        for token in addedTokens {
            let id = Int(token.id)
            if id < isOwn.count, model.types[id] == .userDefined { isOwn[id] = false }
        }
        return isOwn
    }

    func makeMerger() -> Merger { Merger(pairs: pairs.table, recordedResults: unused) }

    /// Appends the ids of text[range]. `isStart`: the range begins the whole text.
    func encode(_ text: [UInt8], _ range: Range<Int>, isStart: Bool, _ merger: inout Merger, _ out: inout [Int32]) {
        let normalized = normalize(text, range, prefixed: model.prefix == .always || model.prefix == .first && isStart)
        var afterUnknown = false
        var index = 0
        while index < normalized.count {
            if let match = userDefined.match(normalized, index, normalized.count) {
                flush(&merger, &afterUnknown, &out)
                out.append(match.id)
                afterUnknown = false
                index = match.end
                continue
            }
            let (scalar, length) = UTF8Text.scalar(normalized, index)
            let id = pairs.characters[scalar]
            if id < 0 {
                flush(&merger, &afterUnknown, &out)
                appendUnknown(normalized[index..<index + length], &afterUnknown, &out)
            } else {
                if cutsWords, id == spaceID, let last = merger.symbols.last, last != spaceID {
                    flush(&merger, &afterUnknown, &out)
                }
                merger.symbols.append(id)
            }
            index += length
        }
        flush(&merger, &afterUnknown, &out)
    }

    private func flush(_ merger: inout Merger, _ afterUnknown: inout Bool, _ out: inout [Int32]) {
        if merger.symbols.isEmpty { return }
        merger.merge()
        for id in merger.symbols {
            if unused.isEmpty, Int(id) < pieces.count, id != unknownID {
                out.append(id)
                afterUnknown = false
            } else {
                append(id, merger.splits, &afterUnknown, &out)
            }
        }
        merger.symbols.removeAll(keepingCapacity: true)
    }

    private func append(
        _ id: Int32, _ splits: [Int32: (left: Int32, right: Int32)], _ afterUnknown: inout Bool, _ out: inout [Int32]
    ) {
        var stack = [id]
        while let id = stack.popLast() {
            if Int(id) >= pieces.count {
                appendUnknown(pairs.partOnly[Int(id) - pieces.count], &afterUnknown, &out)
            } else if id == unknownID {
                appendUnknown(pieces[Int(id)], &afterUnknown, &out)
            } else if !unused.isEmpty, unused[Int(id)], let split = splits[id] {
                stack.append(split.right)
                stack.append(split.left)
            } else {
                out.append(id)
                afterUnknown = false
            }
        }
    }

    /// Bytes, or one unknown id for a whole run.
    private func appendUnknown(_ text: ArraySlice<UInt8>, _ afterUnknown: inout Bool, _ out: inout [Int32]) {
        if model.byteFallback {
            for byte in text { out.append(byteIDs[Int(byte)]) }
        } else if !afterUnknown {
            out.append(unknownID)
        }
        afterUnknown = true
    }

    /// Space handling of sentencepiece's normalizer: the prefix, removal of extra white space, U+2581 for spaces.
    private func normalize(_ text: [UInt8], _ range: Range<Int>, prefixed: Bool) -> [UInt8] {
        let space = model.escapesWhitespace ? UTF8Text.escapedSpace : [UInt8(ascii: " ")]
        var units = SpaceUnits(text: text, range: range, userDefined: userDefined)
        if model.removesExtraWhitespace { units.skipSpaces() }
        if units.isAtEnd { return [] }
        var out: [UInt8] = []
        out.reserveCapacity(range.count + range.count / 2)
        if prefixed { out += space }
        var afterSpace = model.removesExtraWhitespace
        while var unit = units.next() {
            if afterSpace { while let first = text[unit].first, first == UInt8(ascii: " ") { unit.removeFirst() } }
            for index in unit {
                if text[index] == UInt8(ascii: " ") { out += space } else { out.append(text[index]) }
            }
            if !unit.isEmpty {
                afterSpace = model.removesExtraWhitespace && text[unit.upperBound - 1] == UInt8(ascii: " ")
            }
        }
        if model.removesExtraWhitespace {
            while out.suffix(space.count).elementsEqual(space) { out.removeLast(space.count) }
        }
        return out
    }
}

/// Walks text by characters, user-defined pieces counting as one.
private struct SpaceUnits {
    let text: [UInt8]
    var range: Range<Int>
    let userDefined: ByteTrie

    var isAtEnd: Bool { range.isEmpty }

    mutating func next() -> Range<Int>? {
        guard let unit = peek() else { return nil }
        range = unit.upperBound..<range.upperBound
        return unit
    }

    mutating func skipSpaces() {
        while let unit = peek(), unit.count == 1, text[unit.lowerBound] == UInt8(ascii: " ") { _ = next() }
    }

    private func peek() -> Range<Int>? {
        if range.isEmpty { return nil }
        if let match = userDefined.match(text, range.lowerBound, range.upperBound) {
            return range.lowerBound..<match.end
        }
        return range.lowerBound..<range.lowerBound + UTF8Text.length(lead: text[range.lowerBound])
    }
}
