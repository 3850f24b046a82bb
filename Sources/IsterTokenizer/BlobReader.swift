/// Reads little-endian values; every count is checked against the bytes that remain before anything is allocated.
struct BlobReader {
    let bytes: [UInt8]
    var offset = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func byte(_ field: String) throws(TokenizerError) -> UInt8 {
        guard offset < bytes.count else { throw .truncated(field: field, offset: offset) }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func flag(_ field: String) throws(TokenizerError) -> Bool {
        let value = try byte(field)
        guard value <= 1 else { throw .invalidValue(field: field, found: UInt64(value)) }
        return value == 1
    }

    mutating func word(_ field: String) throws(TokenizerError) -> UInt32 {
        guard bytes.count - offset >= 4 else { throw .truncated(field: field, offset: offset) }
        defer { offset += 4 }
        return UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]) << 16
            | UInt32(bytes[offset + 3]) << 24
    }

    /// A count of items that take at least `itemBytes` each.
    mutating func count(_ field: String, itemBytes: Int) throws(TokenizerError) -> Int {
        let count = Int(try word(field))
        guard count <= (bytes.count - offset) / itemBytes else { throw .truncated(field: field, offset: offset) }
        return count
    }

    mutating func byteString(_ field: String) throws(TokenizerError) -> [UInt8] {
        let count = try count(field, itemBytes: 1)
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    mutating func words(_ field: String) throws(TokenizerError) -> [UInt32] {
        let count = try count(field, itemBytes: 4)
        var words: [UInt32] = []
        words.reserveCapacity(count)
        for _ in 0..<count { words.append(try word(field)) }
        return words
    }

    mutating func id(_ field: String) throws(TokenizerError) -> Int32? {
        let value = Int32(bitPattern: try word(field))
        return value == -1 ? nil : value
    }

    mutating func ids(_ field: String) throws(TokenizerError) -> [Int32] {
        try words(field).map { Int32(bitPattern: $0) }
    }

    mutating func sentencePiece() throws(TokenizerError) -> Vocabulary.SentencePieceModel {
        let scores = try words("scores").map { Float(bitPattern: $0) }
        var types: [Vocabulary.PieceType] = []
        for raw in try byteString("piece types") {
            guard let type = Vocabulary.PieceType(rawValue: raw) else {
                throw .invalidValue(field: "piece type", found: UInt64(raw))
            }
            types.append(type)
        }
        return Vocabulary.SentencePieceModel(
            scores: scores, types: types, byteFallback: try flag("byte fallback"), prefix: try prefixScheme(),
            removesExtraWhitespace: try flag("extra whitespace"), escapesWhitespace: try flag("escaped whitespace"))
    }

    mutating func prefixScheme() throws(TokenizerError) -> Vocabulary.PrefixScheme {
        let raw = try byte("prefix scheme")
        guard let scheme = Vocabulary.PrefixScheme(rawValue: raw) else {
            throw .invalidValue(field: "prefix scheme", found: UInt64(raw))
        }
        return scheme
    }

    mutating func merges() throws(TokenizerError) -> Vocabulary.MergeModel {
        let count = try count("merges", itemBytes: 12)
        var merges: [Vocabulary.Merge] = []
        merges.reserveCapacity(count)
        for _ in 0..<count {
            let left = Int32(bitPattern: try word("merges"))
            let right = Int32(bitPattern: try word("merges"))
            merges.append(.init(left: left, right: right, result: Int32(bitPattern: try word("merges"))))
        }
        let ignoresMerges = try flag("ignore merges")
        let byteFallback = try flag("byte fallback")
        let fusesUnknown = try flag("fuse unknown")
        let unknownID = try id("model's unknown id")
        var normalizers: [Vocabulary.Normalizer] = []
        for _ in 0..<(try self.count("normalizers", itemBytes: 5)) { normalizers.append(try normalizer()) }
        return Vocabulary.MergeModel(
            merges: merges, ignoresMerges: ignoresMerges, byteFallback: byteFallback, fusesUnknown: fusesUnknown,
            unknownID: unknownID, normalizers: normalizers, preTokenizer: try preTokenizer(),
            isByteLevel: try flag("byte level"), addsPrefixSpace: try flag("prefix space"))
    }

    private mutating func normalizer() throws(TokenizerError) -> Vocabulary.Normalizer {
        switch try byte("normalizer") {
        case 0: return .prepend(try byteString("normalizer text"))
        case 1:
            let pattern = try byteString("normalizer pattern")
            return .replace(pattern: pattern, with: try byteString("normalizer text"))
        case let kind: throw .invalidValue(field: "normalizer", found: UInt64(kind))
        }
    }

    private mutating func preTokenizer() throws(TokenizerError) -> Vocabulary.PreTokenizer {
        switch try byte("pre-tokenizer") {
        case 0: return .none
        case 1: return .gpt2
        case 2: return .llama3
        case 3: return .qwen2
        case 4: return .digitsGPT2
        case 5:
            let prefix = try prefixScheme()
            return .metaspace(prefix: prefix, splits: try flag("metaspace split"))
        case let kind: throw .invalidValue(field: "pre-tokenizer", found: UInt64(kind))
        }
    }

    mutating func decoder() throws(TokenizerError) -> Vocabulary.Decoder {
        switch try byte("decoder") {
        case 0: return .byteLevel
        case 1: return .sentencePiece(.keep)
        case 2: return .sentencePiece(.dropFromText(count: try byte("stripped spaces")))
        case 3: return .sentencePiece(.dropFromPieces(all: try flag("stripped pieces")))
        case let kind: throw .invalidValue(field: "decoder", found: UInt64(kind))
        }
    }

    mutating func addedTokens() throws(TokenizerError) -> [Vocabulary.AddedToken] {
        var tokens: [Vocabulary.AddedToken] = []
        for _ in 0..<(try count("added tokens", itemBytes: 9)) {
            tokens.append(
                Vocabulary.AddedToken(
                    id: Int32(bitPattern: try word("added token")), isSpecial: try flag("special"),
                    stripsLeft: try flag("lstrip"), stripsRight: try flag("rstrip"),
                    isSingleWord: try flag("single word"), isNormalized: try flag("normalized")))
        }
        return tokens
    }
}
