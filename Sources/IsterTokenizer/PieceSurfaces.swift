/// What each token looks like in text.
struct PieceSurfaces: Sendable {
    /// Bytes of each token.
    private(set) var texts = PieceList()
    private(set) var isSpecial: [Bool]
    /// Byte pieces of a SentencePiece vocabulary; only they can be part of a character.
    private(set) var isByte: [Bool]

    init(_ vocabulary: Vocabulary) {
        let pieces = vocabulary.pieces
        isSpecial = [Bool](repeating: false, count: pieces.count)
        isByte = [Bool](repeating: false, count: pieces.count)
        var hasByteTypes = true
        switch vocabulary.model {
        case .sentencePiece(let model):
            for (id, type) in model.types.enumerated() {
                isSpecial[id] = type == .control || type == .unknown
                isByte[id] = type == .byte
            }
        case .merges: hasByteTypes = false
        }
        for token in vocabulary.addedTokens where token.isSpecial { isSpecial[Int(token.id)] = true }
        texts.reserveCapacity(count: pieces.count, bytes: pieces.bytes.count)
        for id in 0..<pieces.count {
            switch vocabulary.decoder {
            case .byteLevel: texts.append(ByteAlphabet.decode(pieces[id], of: pieces.bytes) ?? Array(pieces[id]))
            case .sentencePiece:
                let byte = BytePiece.value(pieces[id])
                if !hasByteTypes { isByte[id] = byte != nil }
                if isByte[id], let byte {
                    texts.append([byte])
                } else {
                    let space = [UInt8(ascii: " ")]
                    texts.append(Vocabulary.Normalizer.replacing(Array(pieces[id]), UTF8Text.escapedSpace, with: space))
                }
            }
        }
    }
}
