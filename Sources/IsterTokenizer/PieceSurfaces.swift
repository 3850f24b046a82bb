/// What each token looks like in text.
struct PieceSurfaces: Sendable {
    /// Bytes of each token.
    private(set) var texts = PieceList()
    /// Special added tokens, control and unknown pieces.
    private(set) var isSpecial: [Bool]
    /// Byte pieces of a vocabulary with U+2581 for spaces; only they can be part of a character.
    private(set) var isByte: [Bool]

    init(_ vocabulary: Vocabulary) {
        let pieces = vocabulary.pieces
        isSpecial = [Bool](repeating: false, count: pieces.count)
        isByte = isSpecial
        markPieces(vocabulary)
        let normalized = Self.normalizedSpellings(vocabulary)
        texts.reserveCapacity(count: pieces.count, bytes: pieces.bytes.count)
        var decoded: [UInt8] = []
        for id in 0..<pieces.count {
            if vocabulary.decoder == .byteLevel {
                let isSpelled = ByteAlphabet.decode(pieces.bytes, pieces.range(id), &decoded)
                texts.append(isSpelled ? decoded[...] : pieces[id])
                continue
            }
            let spelling = normalized[id] ?? Array(pieces[id])
            if isByte[id], let byte = BytePiece.value(pieces[id]) {
                texts.append([byte])
            } else {
                let space = [UInt8(ascii: " ")]
                texts.append(Vocabulary.Normalizer.replacing(spelling, UTF8Text.escapedSpace, with: space))
            }
        }
    }

    private mutating func markPieces(_ vocabulary: Vocabulary) {
        switch vocabulary.model {
        case .sentencePiece(let model):
            for (id, type) in model.types.enumerated() {
                isSpecial[id] = type == .control || type == .unknown
                isByte[id] = type == .byte
            }
        case .merges:
            for id in isByte.indices { isByte[id] = BytePiece.value(vocabulary.pieces[id]) != nil }
        }
        for token in vocabulary.addedTokens where token.isSpecial { isSpecial[Int(token.id)] = true }
    }

    /// Added tokens that are searched in normalized text come back as what is searched for, as in the tokenizers
    /// package: where a space is put before the text, it stands before these tokens, too.
    private static func normalizedSpellings(_ vocabulary: Vocabulary) -> [Int: [UInt8]] {
        guard case .merges(let model) = vocabulary.model, !model.normalizers.isEmpty else { return [:] }
        var spellings: [Int: [UInt8]] = [:]
        for token in vocabulary.addedTokens where token.isNormalized {
            let id = Int(token.id)
            spellings[id] = model.normalizers.reduce(Array(vocabulary.pieces[id])) { $1.apply($0) }
        }
        return spellings
    }
}
