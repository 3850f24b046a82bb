public import IsterTokenizer

extension TokenizerFiles {
    /// A `tokenizer.model` with what stands beside it in a Hugging Face folder (`addedTokens` is added_tokens.json).
    ///
    /// Ids as the sentencepiece library gives them. Control and unknown pieces are special tokens. BOS is added unless
    /// `add_bos_token` is false, EOS only when `add_eos_token` is true (transformers, LlamaTokenizer); with
    /// `legacy` false the prefix space stands only at the start of the text.
    public static func vocabulary(
        sentencePieceModel bytes: [UInt8], configuration: JSONValue? = nil, specialTokensMap: JSONValue? = nil,
        addedTokens: JSONValue? = nil
    ) throws(TokenizerFileError) -> Vocabulary {
        let file = sentencePieceFile
        let proto = try SentencePieceProto(bytes, file: file)
        try refuseUnsupported(proto)
        let settings = try TokenizerConfiguration(configuration, specialTokensMap: specialTokensMap)
        if let name = settings.className, !classes.contains(String(decoding: name, as: UTF8.self)) {
            throw .unsupported(file: configurationFile, what: "tokenizer_class", found: quote(name))
        }
        var builder = SentencePieceBuilder(file: file)
        for piece in proto.pieces {
            guard let type = UInt8(exactly: piece.type).flatMap(Vocabulary.PieceType.init(rawValue:)) else {
                throw .unsupported(file: file, what: "piece type", found: "\(piece.type)")
            }
            try builder.add(piece.content, score: piece.score, type: type)
        }
        try builder.add(settings, addedTokens)
        let bos = settings.bos ?? (builder.isControl(proto.bosPiece) ? proto.bosPiece : nil)
        let eos = settings.eos ?? (builder.isControl(proto.eosPiece) ? proto.eosPiece : nil)
        let padding = settings.padding ?? (builder.isControl(proto.padPiece) ? proto.padPiece : nil)
        var scheme: Vocabulary.PrefixScheme = settings.isLegacy ?? true ? .always : .first
        if !(settings.addsPrefixSpace ?? proto.addsDummyPrefix) { scheme = .never }
        let model = Vocabulary.SentencePieceModel(
            scores: builder.scores, types: builder.types, byteFallback: proto.byteFallback, prefix: scheme,
            removesExtraWhitespace: proto.removesExtraWhitespace, escapesWhitespace: proto.escapesWhitespace)
        let dropsSpace = scheme != .never || proto.removesExtraWhitespace
        var vocabulary = Vocabulary(
            pieces: try builder.table.pieces(), model: .sentencePiece(model),
            decoder: .sentencePiece(dropsSpace ? .dropFromPieces(all: proto.removesExtraWhitespace) : .keep),
            addedTokens: builder.addedTokens, bosID: builder.id(bos), eosID: builder.id(eos),
            unknownID: builder.types.firstIndex(of: .unknown).map { Int32($0) }, paddingID: builder.id(padding))
        try add(settings, to: &vocabulary, addsBOSByDefault: true, file: file)
        return try validated(vocabulary, file: file)
    }

    /// Classes that take the model's ids as they are; others shift them or add tokens of their own.
    private static let classes: Set<String> = [
        "LlamaTokenizer", "LlamaTokenizerFast", "GemmaTokenizer", "GemmaTokenizerFast", "PreTrainedTokenizerFast",
        "TokenizersBackend",
    ]

    /// Prefix and suffix ids for `add_bos_token` and `add_eos_token`.
    static func add(
        _ settings: TokenizerConfiguration, to vocabulary: inout Vocabulary, addsBOSByDefault: Bool, file: String
    ) throws(TokenizerFileError) {
        vocabulary.prefixIDs = []
        vocabulary.suffixIDs = []
        if settings.addsBOS ?? addsBOSByDefault {
            guard let bos = vocabulary.bosID else {
                throw .missing(file: file, what: "token to add at the start (bos_token)")
            }
            vocabulary.prefixIDs = [bos]
        }
        if settings.addsEOS ?? false {
            guard let eos = vocabulary.eosID else {
                throw .missing(file: file, what: "token to add at the end (eos_token)")
            }
            vocabulary.suffixIDs = [eos]
        }
    }

    private static func refuseUnsupported(_ proto: SentencePieceProto) throws(TokenizerFileError) {
        let file = sentencePieceFile
        guard proto.modelType == 2 else {
            let names: [UInt64: String] = [1: "UNIGRAM", 3: "WORD", 4: "CHAR"]
            throw .unsupported(file: file, what: "model type", found: names[proto.modelType] ?? "\(proto.modelType)")
        }
        if proto.hasNormalizerMap {
            throw .unsupported(file: file, what: "normalizer", found: quote(proto.normalizerName))
        }
        if proto.hasDenormalizerMap {
            throw .unsupported(file: file, what: "denormalizer", found: "with a character map")
        }
        if proto.spaceIsSuffix { throw .unsupported(file: file, what: "setting", found: "treat_whitespace_as_suffix") }
    }
}

/// Collects pieces and added tokens.
struct SentencePieceBuilder {
    private(set) var table: TokenTable
    private(set) var scores: [Float] = []
    private(set) var types: [Vocabulary.PieceType] = []
    private var tokens: [Int32: Vocabulary.AddedToken] = [:]

    init(file: String) { table = TokenTable(file: file) }

    /// In the order of ids.
    var addedTokens: [Vocabulary.AddedToken] { tokens.values.sorted { $0.id < $1.id } }

    func id(_ content: [UInt8]?) -> Int32? { content.flatMap { table.idsByContent[$0] } }

    func isControl(_ content: [UInt8]) -> Bool {
        guard let id = id(content), Int(id) < types.count else { return false }
        return types[Int(id)] == .control
    }

    mutating func add(_ content: [UInt8], score: Float, type: Vocabulary.PieceType) throws(TokenizerFileError) {
        let id = types.count
        try table.add(content, id: id)
        scores.append(score)
        types.append(type)
        if type == .control || type == .unknown {
            tokens[Int32(clamping: id)] = Vocabulary.AddedToken(id: Int32(clamping: id), isSpecial: true)
        }
    }

    mutating func add(_ settings: TokenizerConfiguration, _ addedTokens: JSONValue?) throws(TokenizerFileError) {
        if case .object(let object)? = addedTokens {
            for entry in object.entries {
                guard case .integer(let id) = entry.value else {
                    throw .wrongType(
                        file: TokenizerFiles.addedTokensFile, key: TokenizerFiles.quote(entry.key), wanted: "integer",
                        found: entry.value.kind)
                }
                try table.add(entry.key, id: id)
                let id32 = Int32(clamping: id)
                if tokens[id32] == nil { tokens[id32] = Vocabulary.AddedToken(id: id32, isSpecial: false) }
            }
        }
        for token in settings.addedTokens {
            try table.add(token.content, id: token.id)
            tokens[token.token.id] = token.token
        }
        for content in settings.special {
            guard let id = id(content) else { continue }
            tokens[id, default: Vocabulary.AddedToken(id: id, isSpecial: true)].isSpecial = true
        }
    }
}
