/// Text to ids as the tokenizers package does for BPE with a merge list.
struct MergeEncoder: Sendable {
    private let pieces: PieceList
    private let model: Vocabulary.MergeModel
    private var pairs: PairTable
    private let characters: CharacterIDs
    /// Ids of `<0x00>`... (byte fallback), or of the byte alphabet (byte-level); -1 where a piece lacks.
    private let byteIDs: [Int32]
    /// Whole words, for models that take a word before merging; byte-level ones as bytes.
    private let words: (index: PieceIndex, texts: PieceList)?
    private let spaceID: Int32
    private var wordsAreIndependent = true

    init(_ pieces: PieceList, _ model: Vocabulary.MergeModel, addedTokens: [Vocabulary.AddedToken]) {
        self.pieces = pieces
        self.model = model
        pairs = PairTable(count: model.merges.count)
        for (rank, merge) in model.merges.enumerated() {
            pairs.insert(merge.left, merge.right, PairTable.value(rank: rank, result: merge.result))
            let joinsWords =
                UTF8Text.starts(
                    pieces.bytes, at: pieces.range(Int(merge.right)).lowerBound, with: UTF8Text.escapedSpace)
                && !pieces[Int(merge.left)].suffix(3).elementsEqual(UTF8Text.escapedSpace)
            if joinsWords { wordsAreIndependent = false }
        }
        let isOwn = Self.ownPieces(pieces, model, addedTokens)
        characters = CharacterIDs(pieces, count: pieces.count) { isOwn[$0] }
        spaceID = characters[0x2581]
        let characters = characters
        if model.isByteLevel {
            byteIDs = ByteAlphabet.scalars.map { characters[Int($0.value)] }
        } else {
            let index = PieceIndex(pieces) { isOwn[$0] }
            byteIDs = (UInt8.min ... .max).map { index.find(BytePiece.spelling($0), in: pieces) }
        }
        words = model.ignoresMerges ? Self.words(pieces, isOwn, isByteLevel: model.isByteLevel) : nil
    }

    /// Which ids the model knows itself. The others are added tokens only, which text never becomes by its characters
    /// or words. They stand after the pieces that merges name and after single characters; an added token among those
    /// has the id of the model's piece.
    private static func ownPieces(
        _ pieces: PieceList, _ model: Vocabulary.MergeModel, _ addedTokens: [Vocabulary.AddedToken]
    ) -> [Bool] {
        var isOwn = [Bool](repeating: true, count: pieces.count)
        for token in addedTokens { isOwn[Int(token.id)] = false }
        var end = Int(model.unknownID ?? -1) + 1
        for merge in model.merges { end = max(end, Int(max(merge.left, merge.right, merge.result)) + 1) }
        for id in end..<pieces.count where isOwn[id] {
            let range = pieces.range(id)
            if !range.isEmpty, UTF8Text.scalar(pieces.bytes, range.lowerBound).length == range.count { end = id + 1 }
        }
        for id in 0..<end { isOwn[id] = true }
        return isOwn
    }

    private static func words(
        _ pieces: PieceList, _ isOwn: [Bool], isByteLevel: Bool
    ) -> (index: PieceIndex, texts: PieceList) {
        if !isByteLevel { return (PieceIndex(pieces) { isOwn[$0] }, pieces) }
        var texts = PieceList()
        texts.reserveCapacity(count: pieces.count, bytes: pieces.bytes.count)
        var decoded: [UInt8] = []
        for id in 0..<pieces.count {
            // A piece outside the alphabet, such as a control token, is no word.
            let isSpelled = isOwn[id] && ByteAlphabet.decode(pieces.bytes, pieces.range(id), &decoded)
            texts.append(isSpelled ? decoded : [])
        }
        return (PieceIndex(texts), texts)
    }

    func makeMerger() -> Merger { Merger(pairs: pairs) }

    var normalizes: Bool { !model.normalizers.isEmpty }

    func normalize(_ text: [UInt8]) -> [UInt8] { model.normalizers.reduce(text) { $1.apply($0) } }

    /// The normalized text and which of it is trusted.
    func normalize(_ text: [UInt8], trusted: TrustedRanges) -> (text: [UInt8], trusted: TrustedRanges) {
        model.normalizers.reduce((text, trusted)) { $1.apply($0.0, trusted: $0.1) }
    }

    /// Appends the ids of the normalized text[range]. `isStart`: the range begins the whole text.
    func encode(_ text: [UInt8], _ range: Range<Int>, isStart: Bool, _ merger: inout Merger, _ out: inout [Int32]) {
        if range.isEmpty { return }
        if case .metaspace(let prefix, _) = model.preTokenizer {
            var escaped = Vocabulary.Normalizer.replacing(
                Array(text[range]), [UInt8(ascii: " ")], with: UTF8Text.escapedSpace)
            if prefix == .always || prefix == .first && isStart, !escaped.starts(with: UTF8Text.escapedSpace) {
                escaped = UTF8Text.escapedSpace + escaped
            }
            encodeWords(escaped, 0..<escaped.count, &merger, &out)
        } else if model.addsPrefixSpace, text[range.lowerBound] != UInt8(ascii: " ") {
            let prefixed = [UInt8(ascii: " ")] + text[range]
            encodeWords(prefixed, 0..<prefixed.count, &merger, &out)
        } else {
            encodeWords(text, range, &merger, &out)
        }
    }

    private func encodeWords(_ text: [UInt8], _ range: Range<Int>, _ merger: inout Merger, _ out: inout [Int32]) {
        var words = WordSplitter(model.preTokenizer, range)
        while let word = words.next(text) { encodeWord(text, word, &merger, &out) }
    }

    private func encodeWord(_ text: [UInt8], _ word: Range<Int>, _ merger: inout Merger, _ out: inout [Int32]) {
        if let words {
            let id = words.index.find(text, word, in: words.texts)
            if id >= 0 { return out.append(id) }
        }
        var pendingUnknown = false
        if model.isByteLevel {
            for index in word {
                let id = byteIDs[Int(text[index])]
                if id >= 0 {
                    append(id, &pendingUnknown, &merger)
                } else {
                    appendUnknown(&pendingUnknown, &merger)
                }
            }
        } else {
            appendCharacters(text, word, &pendingUnknown, &merger, &out)
        }
        if pendingUnknown, let unknown = model.unknownID { merger.symbols.append(unknown) }
        flush(&merger, &out)
    }

    private func appendCharacters(
        _ text: [UInt8], _ word: Range<Int>, _ pendingUnknown: inout Bool, _ merger: inout Merger, _ out: inout [Int32]
    ) {
        var index = word.lowerBound
        while index < word.upperBound {
            let (scalar, length) = UTF8Text.scalar(text, index)
            let id = characters[scalar]
            if id >= 0 {
                if id == spaceID, wordsAreIndependent, !pendingUnknown, let last = merger.symbols.last, last != spaceID
                {
                    flush(&merger, &out)
                }
                append(id, &pendingUnknown, &merger)
            } else if model.byteFallback, (index..<index + length).allSatisfy({ byteIDs[Int(text[$0])] >= 0 }) {
                // A pending unknown token stays pending here: the reference puts it after the bytes.
                for byte in text[index..<index + length] { merger.symbols.append(byteIDs[Int(byte)]) }
            } else {
                appendUnknown(&pendingUnknown, &merger)
            }
            index += length
        }
    }

    @inline(__always)
    private func append(_ id: Int32, _ pendingUnknown: inout Bool, _ merger: inout Merger) {
        if pendingUnknown, let unknown = model.unknownID {
            merger.symbols.append(unknown)
            pendingUnknown = false
        }
        merger.symbols.append(id)
    }

    private func appendUnknown(_ pendingUnknown: inout Bool, _ merger: inout Merger) {
        guard let unknown = model.unknownID else { return }
        if pendingUnknown, !model.fusesUnknown { merger.symbols.append(unknown) }
        pendingUnknown = true
    }

    private func flush(_ merger: inout Merger, _ out: inout [Int32]) {
        merger.merge()
        out += merger.symbols
        merger.symbols.removeAll(keepingCapacity: true)
    }
}
