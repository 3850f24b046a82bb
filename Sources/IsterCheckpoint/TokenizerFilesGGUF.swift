import IsterTokenizer

/// The vocabulary in a GGUF file's metadata, as the keys under `tokenizer.ggml.` give it.
extension TokenizerFiles {
    private static let file = "tokenizer.ggml"

    static func vocabulary(gguf: GGUFVocabulary) throws(TokenizerFileError) -> Vocabulary {
        switch gguf.model {
        case "llama": return try validated(try sentencePiece(gguf), file: file)
        case "gpt2": return try validated(try bytePairs(gguf), file: file)
        default: throw .unsupported(file: file, what: "model", found: quoted(gguf.model))
        }
    }

    private static func sentencePiece(_ gguf: GGUFVocabulary) throws(TokenizerFileError) -> Vocabulary {
        guard let scores = gguf.scores else { throw .missing(file: file, what: "scores") }
        var types = try types(gguf)
        let tokens = addedTokens(types)
        // Spaces become U+2581 after tokens are cut out, so llama.cpp finds such a piece by its score, as others.
        for id in types.indices where types[id] == .userDefined && holdsEscapedSpace(gguf.tokens[id]) {
            types[id] = .normal
        }
        let bytes = types.count { $0 == .byte }
        let prefixed = gguf.addsSpacePrefix ?? true
        let removesSpaces = gguf.removesExtraSpaces ?? false
        let model = Vocabulary.SentencePieceModel(
            scores: scores, types: types, byteFallback: bytes > 0, prefix: prefixed ? .always : .never,
            removesExtraWhitespace: removesSpaces)
        var vocabulary = Vocabulary(
            pieces: PieceList(gguf.tokens), model: .sentencePiece(model),
            decoder: .sentencePiece(prefixed || removesSpaces ? .dropFromPieces(all: removesSpaces) : .keep),
            addedTokens: tokens)
        // llama.cpp's default for this kind.
        try addSpecial(gguf, to: &vocabulary, addsBOSByDefault: true)
        return vocabulary
    }

    private static func bytePairs(_ gguf: GGUFVocabulary) throws(TokenizerFileError) -> Vocabulary {
        guard let lines = gguf.merges else { throw .missing(file: file, what: "merges") }
        let preTokenizer = try preTokenizer(gguf.preTokenizer)
        let types = try types(gguf)
        var ids: [[UInt8]: Int32] = [:]
        for (id, token) in gguf.tokens.enumerated() where ids[token] == nil { ids[token] = Int32(clamping: id) }
        var merges: [Vocabulary.Merge] = []
        merges.reserveCapacity(lines.count)
        for line in lines { merges.append(try merge(line, ids)) }
        let model = Vocabulary.MergeModel(
            merges: merges, ignoresMerges: preTokenizer == .llama3, preTokenizer: preTokenizer, isByteLevel: true,
            addsPrefixSpace: gguf.addsSpacePrefix ?? false)
        var vocabulary = Vocabulary(
            pieces: PieceList(gguf.tokens), model: .merges(model), decoder: .byteLevel,
            addedTokens: addedTokens(types))
        try addSpecial(gguf, to: &vocabulary, addsBOSByDefault: preTokenizer == .llama3)
        return vocabulary
    }

    /// llama.cpp cuts user-defined tokens out of any text, control and unknown ones where special tokens are parsed.
    private static func addedTokens(_ types: [Vocabulary.PieceType]) -> [Vocabulary.AddedToken] {
        var tokens: [Vocabulary.AddedToken] = []
        for (id, type) in types.enumerated() where type == .control || type == .unknown || type == .userDefined {
            tokens.append(Vocabulary.AddedToken(id: Int32(clamping: id), isSpecial: type != .userDefined))
        }
        return tokens
    }

    private static func holdsEscapedSpace(_ token: [UInt8]) -> Bool {
        String(decoding: token, as: UTF8.self).unicodeScalars.contains { $0.value == 0x2581 }
    }

    private static func types(_ gguf: GGUFVocabulary) throws(TokenizerFileError) -> [Vocabulary.PieceType] {
        guard let raw = gguf.types else { throw .missing(file: file, what: "token_type") }
        guard raw.count == gguf.tokens.count else {
            throw .vocabulary(
                file: file, .countMismatch(field: "token types", found: raw.count, needed: gguf.tokens.count))
        }
        var types: [Vocabulary.PieceType] = []
        types.reserveCapacity(raw.count)
        for value in raw {
            guard let type = UInt8(exactly: value).flatMap(Vocabulary.PieceType.init(rawValue:)) else {
                throw .unsupported(file: file, what: "token_type", found: "\(value)")
            }
            types.append(type)
        }
        return types
    }

    /// Names of llama.cpp's converter.
    private static func preTokenizer(_ name: String?) throws(TokenizerFileError) -> Vocabulary.PreTokenizer {
        switch name {
        // llama.cpp cuts such a file by a rule of its own; files of Llama 3 from before May 2024 are among them.
        case nil, "default": throw .unnamedPreTokenizer(file: file, found: name)
        case "gpt-2", "gpt2": return .gpt2
        case "llama-bpe", "llama3", "llama-v3": return .llama3
        case "qwen2": return .qwen2
        case "smollm": return .digitsGPT2
        case let name?: throw .unsupported(file: file, what: "pre-tokenizer", found: quoted(name))
        }
    }

    private static func merge(_ line: [UInt8], _ ids: [[UInt8]: Int32]) throws(TokenizerFileError) -> Vocabulary.Merge {
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map { Array($0) }
        guard parts.count == 2, let left = ids[parts[0]], let right = ids[parts[1]],
            let result = ids[parts[0] + parts[1]]
        else { throw .unknownToken(file: file, what: "merge", token: quote(line)) }
        return Vocabulary.Merge(left: left, right: right, result: result)
    }

    private static func addSpecial(
        _ gguf: GGUFVocabulary, to vocabulary: inout Vocabulary, addsBOSByDefault: Bool
    ) throws(TokenizerFileError) {
        vocabulary.bosID = try id(gguf.bosID, "bos_token_id", vocabulary)
        vocabulary.eosID = try id(gguf.eosID, "eos_token_id", vocabulary)
        vocabulary.unknownID = try id(gguf.unknownID, "unknown_token_id", vocabulary)
        // Nothing is ever padded, so that an id without a token harms nobody; llama.cpp drops it, too.
        vocabulary.paddingID = try? id(gguf.paddingID, "padding_token_id", vocabulary)
        if gguf.addsBOS ?? addsBOSByDefault {
            guard let bos = vocabulary.bosID else {
                throw .missing(file: file, what: "bos_token_id, which is to be added")
            }
            vocabulary.prefixIDs = [bos]
        }
        if gguf.addsEOS ?? false {
            guard let eos = vocabulary.eosID else {
                throw .missing(file: file, what: "eos_token_id, which is to be added")
            }
            vocabulary.suffixIDs = [eos]
        }
    }

    private static func id(_ id: Int?, _ field: String, _ vocabulary: Vocabulary) throws(TokenizerFileError) -> Int32? {
        guard let id else { return nil }
        guard let narrow = Int32(exactly: id), narrow >= 0, id < vocabulary.pieces.count else {
            throw .vocabulary(file: file, .idOutOfRange(field: field, id: id, count: vocabulary.pieces.count))
        }
        return narrow
    }
}
