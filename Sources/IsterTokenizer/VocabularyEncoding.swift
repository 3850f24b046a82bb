/// The vocabulary as a blob, little-endian: `ISTV`, version, piece lengths and bytes, model, decoder, added tokens,
/// special ids. Lists carry their count first (UInt32); an absent id is -1.
extension Vocabulary {
    private static let magic: [UInt8] = Array("ISTV".utf8)
    private static let version: UInt32 = 1

    public func encodedBytes() -> [UInt8] {
        var out = BlobWriter()
        out.bytes = Self.magic
        out.word(Self.version)
        out.word(UInt32(pieces.count))
        for index in 0..<pieces.count { out.word(UInt32(pieces.range(index).count)) }
        out.word(UInt32(pieces.bytes.count))
        out.bytes += pieces.bytes
        switch model {
        case .sentencePiece(let model):
            out.byte(0)
            out.sentencePiece(model)
        case .merges(let model):
            out.byte(1)
            out.merges(model)
        }
        out.decoder(decoder)
        out.word(UInt32(addedTokens.count))
        for token in addedTokens { out.addedToken(token) }
        for id in [bosID, eosID, unknownID, paddingID] { out.id(id) }
        out.ids(prefixIDs)
        out.ids(suffixIDs)
        return out.bytes
    }

    /// Reads what `encodedBytes` wrote. Any other bytes are refused: bounds before allocation, then `validate`.
    public init(encodedBytes: [UInt8]) throws(TokenizerError) {
        var reader = BlobReader(bytes: encodedBytes)
        guard encodedBytes.starts(with: Self.magic) else { throw .notAVocabulary }
        reader.offset = Self.magic.count
        let version = try reader.word("version")
        guard version == Self.version else { throw .unknownVersion(found: version, supported: Self.version) }
        let lengths = try reader.words("piece lengths")
        let pieceBytes = try reader.byteString("piece bytes")
        guard let pieces = PieceList(bytes: pieceBytes, lengths: lengths) else {
            throw .countMismatch(
                field: "piece bytes", found: pieceBytes.count, needed: lengths.reduce(0) { $0 + Int($1) })
        }
        let model: Model
        switch try reader.byte("model kind") {
        case 0: model = .sentencePiece(try reader.sentencePiece())
        case 1: model = .merges(try reader.merges())
        case let kind: throw .invalidValue(field: "model kind", found: UInt64(kind))
        }
        let decoder = try reader.decoder()
        let addedTokens = try reader.addedTokens()
        self.init(
            pieces: pieces, model: model, decoder: decoder, addedTokens: addedTokens,
            bosID: try reader.id("bos id"), eosID: try reader.id("eos id"), unknownID: try reader.id("unknown id"),
            paddingID: try reader.id("padding id"), prefixIDs: try reader.ids("prefix ids"),
            suffixIDs: try reader.ids("suffix ids"))
        guard reader.offset == encodedBytes.count else {
            throw .trailingBytes(count: encodedBytes.count - reader.offset)
        }
        try validate()
    }
}
