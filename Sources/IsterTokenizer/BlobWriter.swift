/// Appends little-endian values.
struct BlobWriter {
    var bytes: [UInt8] = []

    mutating func byte(_ value: UInt8) { bytes.append(value) }

    mutating func flag(_ value: Bool) { byte(value ? 1 : 0) }

    mutating func word(_ value: UInt32) {
        for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func byteString(_ value: [UInt8]) {
        word(UInt32(value.count))
        bytes += value
    }

    mutating func id(_ value: Int32?) { word(UInt32(bitPattern: value ?? -1)) }

    mutating func ids(_ values: [Int32]) {
        word(UInt32(values.count))
        for value in values { word(UInt32(bitPattern: value)) }
    }

    mutating func sentencePiece(_ model: Vocabulary.SentencePieceModel) {
        word(UInt32(model.scores.count))
        for score in model.scores { word(score.bitPattern) }
        byteString(model.types.map(\.rawValue))
        flag(model.byteFallback)
        byte(model.prefix.rawValue)
        flag(model.removesExtraWhitespace)
        flag(model.escapesWhitespace)
    }

    mutating func merges(_ model: Vocabulary.MergeModel) {
        word(UInt32(model.merges.count))
        for merge in model.merges {
            for id in [merge.left, merge.right, merge.result] { word(UInt32(bitPattern: id)) }
        }
        for value in [model.ignoresMerges, model.byteFallback, model.fusesUnknown] { flag(value) }
        id(model.unknownID)
        word(UInt32(model.normalizers.count))
        for normalizer in model.normalizers {
            switch normalizer {
            case .prepend(let text):
                byte(0)
                byteString(text)
            case .replace(let pattern, let text):
                byte(1)
                byteString(pattern)
                byteString(text)
            }
        }
        preTokenizer(model.preTokenizer)
        flag(model.isByteLevel)
        flag(model.addsPrefixSpace)
    }

    private mutating func preTokenizer(_ kind: Vocabulary.PreTokenizer) {
        switch kind {
        case .none: byte(0)
        case .gpt2: byte(1)
        case .llama3: byte(2)
        case .qwen2: byte(3)
        case .digitsGPT2: byte(4)
        case .metaspace(let prefix, let splits):
            byte(5)
            byte(prefix.rawValue)
            flag(splits)
        }
    }

    mutating func decoder(_ decoder: Vocabulary.Decoder) {
        switch decoder {
        case .byteLevel: byte(0)
        case .sentencePiece(.keep): byte(1)
        case .sentencePiece(.dropFromText(let count)):
            byte(2)
            byte(count)
        case .sentencePiece(.dropFromPieces(let all)):
            byte(3)
            flag(all)
        }
    }

    mutating func addedToken(_ token: Vocabulary.AddedToken) {
        id(token.id)
        let flags = [token.isSpecial, token.stripsLeft, token.stripsRight, token.isSingleWord, token.isNormalized]
        for value in flags { flag(value) }
    }
}
