/// Ids to text, one at a time. Holds back bytes that may yet become a character: at most three.
struct TextDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipSpecial: Bool
    private var pending: [UInt8] = []
    private var hasText = false
    private var hasDroppedPieceSpace = false
    private var spacesToDrop: UInt8 = 0

    init(_ tokenizer: Tokenizer, skipSpecial: Bool) {
        self.tokenizer = tokenizer
        self.skipSpecial = skipSpecial
        if case .sentencePiece(.dropFromText(let count)) = tokenizer.vocabulary.decoder { spacesToDrop = count }
    }

    mutating func append(_ id: Int32, _ text: inout [UInt8]) {
        guard tokenizer.contains(id), !(skipSpecial && tokenizer.isSpecial(id)) else { return }
        let index = Int(id)
        let surface = tokenizer.surfaces.texts[index]
        switch tokenizer.vocabulary.decoder {
        case .byteLevel:
            pending += surface
            drain(&text, isLast: false)
        case .sentencePiece(let rule):
            if tokenizer.surfaces.isByte[index] {
                pending += surface
                return drain(&text, isLast: false)
            }
            drain(&text, isLast: true)
            emit(dropsSpace(index, rule) ? surface.dropFirst() : surface, &text)
        }
    }

    /// Whole characters leave `pending`; with `isLast` the rest becomes U+FFFD.
    mutating func finish(_ text: inout [UInt8]) { drain(&text, isLast: true) }

    private mutating func dropsSpace(_ index: Int, _ rule: Vocabulary.LeadingSpace) -> Bool {
        guard case .dropFromPieces(let all) = rule, !hasText, !hasDroppedPieceSpace,
            tokenizer.vocabulary.pieces[index].starts(with: UTF8Text.escapedSpace)
        else { return false }
        hasDroppedPieceSpace = !all
        return true
    }

    private mutating func emit(_ bytes: ArraySlice<UInt8>, _ text: inout [UInt8]) {
        var bytes = bytes
        while spacesToDrop > 0, let first = bytes.first {
            if first == UInt8(ascii: " ") {
                bytes.removeFirst()
                spacesToDrop -= 1
            } else {
                spacesToDrop = 0
            }
        }
        if bytes.isEmpty { return }
        hasText = true
        text += bytes
    }

    private mutating func drain(_ text: inout [UInt8], isLast: Bool) {
        if pending.isEmpty { return }
        var index = 0
        while index < pending.count {
            switch UTF8Text.step(pending, index, pending.count) {
            case .scalar(let length):
                emit(pending[index..<index + length], &text)
                index += length
            case .malformed(let length):
                emitReplacement(length, &text)
                index += length
            case .incomplete:
                guard isLast else {
                    pending.removeFirst(index)
                    return
                }
                emitReplacement(pending.count - index, &text)
                index = pending.count
            }
        }
        pending.removeAll(keepingCapacity: true)
    }

    /// Byte-level text has one U+FFFD for a malformed part, SentencePiece one for each byte of it.
    private mutating func emitReplacement(_ byteCount: Int, _ text: inout [UInt8]) {
        let count = tokenizer.vocabulary.decoder == .byteLevel ? 1 : byteCount
        for _ in 0..<count { emit(UTF8Text.replacement[...], &text) }
    }
}
