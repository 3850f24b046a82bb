extension Vocabulary {
    /// Ids fit 24 bits; the largest vocabularies in use have about 2^18 pieces.
    static let pieceLimit = 1 << 24
    /// Bytes of an added token or user-defined piece: the search costs up to that many steps for each byte of text.
    static let searchedPieceLimit = 1024
    /// Bytes of all of them together: each may take a node of a search tree, which takes about 30. The largest sets in
    /// use, 150,000 tokens of speech, have 3 MB.
    static let searchedBytesLimit = 8 << 20
    /// Bytes of a piece with a score: each cut of it is looked up, which costs the square. Llama's longest have 48.
    static let scoredPieceLimit = 1024
    /// Bytes of a piece that a merge gives, which is compared with its parts. The longest in use are 128 spaces, 256
    /// bytes as byte-level pieces.
    static let mergedPieceLimit = 1024
    /// Ids before and after a text together; in use are at most two.
    package static let surroundingIDLimit = 64
    static let normalizerLimit = 8
    static let normalizerTextLimit = 1024
    /// By how much all replacements together may lengthen a text.
    static let normalizerGrowthLimit = 16
    /// Bytes that all normalizers together put before each stretch of text between added tokens, however short it is.
    /// In use is U+2581, 3 bytes.
    static let prependedLimit = 64

    /// Throws unless every id, count and spelling agrees with the others.
    public func validate() throws(TokenizerError) {
        guard (1...Self.pieceLimit).contains(pieces.count) else {
            throw .pieceCount(found: pieces.count, limit: Self.pieceLimit)
        }
        for id in 0..<pieces.count where !UTF8Text.isValid(pieces.bytes, pieces.range(id)) {
            throw .pieceNotUTF8(id: id)
        }
        switch model {
        case .sentencePiece(let model): try validate(model)
        case .merges(let model): try validate(model)
        }
        try validateSearchedPieces()
        let named = [("bos id", bosID), ("eos id", eosID), ("unknown id", unknownID), ("padding id", paddingID)]
        for (field, id) in named { if let id { try check(id, field) } }
        guard prefixIDs.count + suffixIDs.count <= Self.surroundingIDLimit else {
            throw .surroundingIDCount(found: prefixIDs.count + suffixIDs.count, limit: Self.surroundingIDLimit)
        }
        for id in prefixIDs { try check(id, "prefix id") }
        for id in suffixIDs { try check(id, "suffix id") }
    }

    private func validateSearchedPieces() throws(TokenizerError) {
        var bytes = 0
        for token in addedTokens {
            try check(token.id, "added token")
            try checkLength(Int(token.id))
            bytes += try token.isNormalized ? normalizedLength(Int(token.id)) : pieces.range(Int(token.id)).count
        }
        if case .sentencePiece(let model) = model {
            // Those that are added tokens, too, are searched as such only.
            let added = Set(addedTokens.map(\.id))
            for id in model.types.indices where model.types[id] == .userDefined && !added.contains(Int32(id)) {
                bytes += pieces.range(id).count
            }
        }
        guard bytes <= Self.searchedBytesLimit else {
            throw .searchedBytes(found: bytes, limit: Self.searchedBytesLimit)
        }
    }

    /// Of a piece that is searched at every place of the text.
    private func checkLength(_ id: Int) throws(TokenizerError) {
        let length = pieces.range(id).count
        guard (1...Self.searchedPieceLimit).contains(length) else {
            throw .searchedPieceLength(id: id, bytes: length, limit: Self.searchedPieceLimit)
        }
    }

    /// Of a piece that is searched in normalized text, as it is spelled there.
    private func normalizedLength(_ id: Int) throws(TokenizerError) -> Int {
        guard case .merges(let model) = model, !model.normalizers.isEmpty else { return pieces.range(id).count }
        let length = model.normalizers.reduce(Array(pieces[id])) { $1.apply($0) }.count
        guard length <= Self.searchedPieceLimit else {
            throw .searchedPieceLength(id: id, bytes: length, limit: Self.searchedPieceLimit)
        }
        return length
    }

    private func check(_ id: Int32, _ field: String) throws(TokenizerError) {
        guard id >= 0, Int(id) < pieces.count else {
            throw .idOutOfRange(field: field, id: Int(id), count: pieces.count)
        }
    }

    private func validate(_ model: SentencePieceModel) throws(TokenizerError) {
        let count = model.scores.count
        guard count <= pieces.count else {
            throw .countMismatch(field: "scores", found: count, needed: pieces.count)
        }
        guard model.types.count == count else {
            throw .countMismatch(field: "piece types", found: model.types.count, needed: count)
        }
        if let id = model.scores.firstIndex(where: \.isNaN) { throw .scoreNotANumber(id: id) }
        guard model.types.count(where: { $0 == .unknown }) == 1 else { throw .missingUnknownPiece }
        var found = [Bool](repeating: false, count: 256)
        for id in 0..<count where model.types[id] == .byte {
            guard let byte = BytePiece.value(pieces[id]) else { throw .bytePieceSpelling(id: id) }
            found[Int(byte)] = true
        }
        for id in 0..<count where model.types[id] == .userDefined { try checkLength(id) }
        for id in 0..<count where pieces.range(id).count > Self.scoredPieceLimit {
            throw .scoredPieceLength(id: id, bytes: pieces.range(id).count, limit: Self.scoredPieceLimit)
        }
        let index = PieceIndex(pieces) { $0 < count }
        for id in 0..<count where !pieces.range(id).isEmpty {
            guard index.find(pieces.bytes, pieces.range(id), in: pieces) == id else { throw .duplicatePiece(id: id) }
        }
        if model.byteFallback, let byte = found.firstIndex(of: false) { throw .bytePieceMissing(byte: byte) }
    }

    private func validate(_ model: MergeModel) throws(TokenizerError) {
        for (rank, merge) in model.merges.enumerated() {
            for id in [merge.left, merge.right, merge.result] { try check(id, "merge \(rank)") }
            let length = pieces.range(Int(merge.result)).count
            guard length <= Self.mergedPieceLimit else {
                throw .mergedPieceLength(id: Int(merge.result), bytes: length, limit: Self.mergedPieceLimit)
            }
            let left = pieces[Int(merge.left)]
            let right = pieces[Int(merge.right)]
            let result = pieces[Int(merge.result)]
            guard result.count == left.count + right.count, result.starts(with: left),
                result.dropFirst(left.count).elementsEqual(right)
            else { throw .mergeResultDiffers(rank: rank) }
        }
        if let id = model.unknownID { try check(id, "model's unknown id") }
        try validate(model.normalizers)
    }

    private func validate(_ normalizers: [Normalizer]) throws(TokenizerError) {
        guard normalizers.count <= Self.normalizerLimit else {
            throw .normalizerCount(found: normalizers.count, limit: Self.normalizerLimit)
        }
        var growth = 1
        var prepended = 0
        for normalizer in normalizers {
            switch normalizer {
            case .prepend(let text):
                try checkNormalizerText(text)
                prepended += text.count
            case .replace(let pattern, let text):
                try checkNormalizerText(pattern)
                try checkNormalizerText(text)
                if pattern.isEmpty { throw .emptyPattern }
                let factor = max(1, (text.count + pattern.count - 1) / pattern.count)
                growth *= factor
                prepended *= factor
            }
            guard growth <= Self.normalizerGrowthLimit else {
                throw .normalizerGrowth(found: growth, limit: Self.normalizerGrowthLimit)
            }
            guard prepended <= Self.prependedLimit else {
                throw .prependedBytes(found: prepended, limit: Self.prependedLimit)
            }
        }
    }

    private func checkNormalizerText(_ text: [UInt8]) throws(TokenizerError) {
        guard text.count <= Self.normalizerTextLimit else {
            throw .normalizerTextLength(bytes: text.count, limit: Self.normalizerTextLimit)
        }
        guard UTF8Text.isValid(text, 0..<text.count) else {
            throw .invalidValue(field: "normalizer text, which is not UTF-8", found: UInt64(text.count))
        }
    }
}

/// The spelling of byte pieces: `<0x00>`...`<0xFF>`, capital digits.
enum BytePiece {
    static func value(_ piece: ArraySlice<UInt8>) -> UInt8? {
        guard piece.count == 6, piece.starts(with: Array("<0x".utf8)), piece.last == UInt8(ascii: ">"),
            let high = digit(piece[piece.startIndex + 3]), let low = digit(piece[piece.startIndex + 4])
        else { return nil }
        return high << 4 | low
    }

    static func spelling(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return Array("<0x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)], UInt8(ascii: ">")]
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
