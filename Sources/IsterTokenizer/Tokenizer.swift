/// Text to token ids and back, by one vocabulary. A value without mutable state: use it from any thread.
public struct Tokenizer: Sendable {
    public let vocabulary: Vocabulary
    let surfaces: PieceSurfaces
    private let encoder: Encoder
    private let rawTokens: AddedTokenFinder
    private let normalizedTokens: AddedTokenFinder

    private enum Encoder: Sendable {
        case sentencePiece(SentencePieceEncoder)
        case merges(MergeEncoder)
    }

    /// Throws what `Vocabulary.validate` finds.
    public init(_ vocabulary: Vocabulary) throws(TokenizerError) {
        try vocabulary.validate()
        self.vocabulary = vocabulary
        surfaces = PieceSurfaces(vocabulary)
        let pieces = vocabulary.pieces
        // The sentencepiece library knows no second search in normalized text.
        var isRaw: (Vocabulary.AddedToken) -> Bool = { _ in true }
        var normalize: ([UInt8]) -> [UInt8] = { $0 }
        switch vocabulary.model {
        case .sentencePiece(let model):
            encoder = .sentencePiece(SentencePieceEncoder(pieces, model, addedTokens: vocabulary.addedTokens))
        case .merges(let model):
            let merges = MergeEncoder(pieces, model, addedTokens: vocabulary.addedTokens)
            encoder = .merges(merges)
            isRaw = { !$0.isNormalized }
            normalize = merges.normalize
        }
        let tokens = vocabulary.addedTokens
        rawTokens = AddedTokenFinder(tokens.filter(isRaw)) { Array(pieces[Int($0.id)]) }
        normalizedTokens = AddedTokenFinder(tokens.filter { !isRaw($0) }) { normalize(Array(pieces[Int($0.id)])) }
    }

    public var vocabularySize: Int { vocabulary.pieces.count }
    public var bosID: Int32? { vocabulary.bosID }
    public var eosID: Int32? { vocabulary.eosID }

    /// Spelling of a token in the vocabulary's own alphabet; empty for an id outside the vocabulary.
    public func piece(_ id: Int32) -> [UInt8] { contains(id) ? Array(vocabulary.pieces[Int(id)]) : [] }

    /// Bytes that a token puts into text, before spaces at the start are dropped. They may be part of a character.
    public func textBytes(_ id: Int32) -> [UInt8] { contains(id) ? Array(surfaces.texts[Int(id)]) : [] }

    /// Tokens that steer the model rather than being text: special added tokens, control and unknown pieces.
    public func isSpecial(_ id: Int32) -> Bool { contains(id) && surfaces.isSpecial[Int(id)] }

    /// Lowest id with this spelling.
    public func id(ofPiece piece: [UInt8]) -> Int32? {
        (0..<vocabularySize).first { vocabulary.pieces.isEqual($0, piece, 0..<piece.count) }.map { Int32($0) }
    }

    func contains(_ id: Int32) -> Bool { id >= 0 && Int(id) < vocabularySize }

    /// Ids of a text of at most 2^31 bytes. Malformed UTF-8 counts as U+FFFD, one for each longest malformed part.
    ///
    /// `addSpecial` puts the vocabulary's prefix and suffix ids around it. `parseSpecial` reads special tokens that
    /// the text spells out; without it they are plain text. Other added tokens are always read.
    public func encode(_ text: [UInt8], addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        let text = UTF8Text.repaired(text)
        return encode(text, addSpecial: addSpecial, trusted: parseSpecial ? .all(text) : TrustedRanges())
    }

    /// Ids of valid UTF-8 in which special tokens and those of `marks` are read where it is trusted.
    func encode(
        _ text: [UInt8], addSpecial: Bool, trusted: TrustedRanges, marks: Set<Int32> = []
    ) -> [Int32] {
        var ids: [Int32] = addSpecial ? vocabulary.prefixIDs : []
        ids.reserveCapacity(text.count / 3 + 8)
        switch encoder {
        case .sentencePiece(let encoder):
            var merger = encoder.makeMerger()
            for part in rawTokens.parts(text, trusted: trusted, marks: marks) {
                if let id = part.id {
                    ids.append(id)
                } else {
                    encoder.encode(text, part.range, isStart: part.range.lowerBound == 0, &merger, &ids)
                }
            }
        case .merges(let encoder): encode(text, encoder, trusted: trusted, marks, &ids)
        }
        return addSpecial ? ids + vocabulary.suffixIDs : ids
    }

    public func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        encode(Array(text.utf8), addSpecial: addSpecial, parseSpecial: parseSpecial)
    }

    private func encode(
        _ text: [UInt8], _ encoder: MergeEncoder, trusted: TrustedRanges, _ marks: Set<Int32>, _ ids: inout [Int32]
    ) {
        var merger = encoder.makeMerger()
        for part in rawTokens.parts(text, trusted: trusted, marks: marks) {
            if let id = part.id {
                ids.append(id)
                continue
            }
            let isStart = part.range.lowerBound == 0
            if !encoder.normalizes, normalizedTokens.isEmpty {
                encoder.encode(text, part.range, isStart: isStart, &merger, &ids)
                continue
            }
            let (normalized, trusted) = encoder.normalize(Array(text[part.range]), trusted: trusted.part(part.range))
            for inner in normalizedTokens.parts(normalized, trusted: trusted, marks: marks) {
                if let id = inner.id {
                    ids.append(id)
                } else {
                    let isInnerStart = isStart && inner.range.lowerBound == 0
                    encoder.encode(normalized, inner.range, isStart: isInnerStart, &merger, &ids)
                }
            }
        }
    }

    /// Text of the ids, always valid UTF-8: what is malformed becomes U+FFFD. Ids outside the vocabulary are left
    /// out; so are special tokens with `skipSpecial`.
    public func decode(_ ids: [Int32], skipSpecial: Bool) -> [UInt8] {
        var decoder = TextDecoder(self, skipSpecial: skipSpecial)
        var text: [UInt8] = []
        for id in ids { decoder.append(id, &text) }
        decoder.finish(&text)
        return text
    }
}
