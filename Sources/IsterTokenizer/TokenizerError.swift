/// One case per way in which a vocabulary can be unsound.
public enum TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
    case notAVocabulary
    case unknownVersion(found: UInt32, supported: UInt32)
    case truncated(field: String, offset: Int)
    case trailingBytes(count: Int)
    case invalidValue(field: String, found: UInt64)
    case pieceCount(found: Int, limit: Int)
    case pieceNotUTF8(id: Int)
    case duplicatePiece(id: Int)
    case countMismatch(field: String, found: Int, needed: Int)
    case scoreNotANumber(id: Int)
    case idOutOfRange(field: String, id: Int, count: Int)
    case mergeResultDiffers(rank: Int)
    case bytePieceSpelling(id: Int)
    case bytePieceMissing(byte: Int)
    case missingUnknownPiece
    case searchedPieceLength(id: Int, bytes: Int, limit: Int)
    /// Of all added and user-defined tokens together.
    case searchedBytes(found: Int, limit: Int)
    case scoredPieceLength(id: Int, bytes: Int, limit: Int)
    case mergedPieceLength(id: Int, bytes: Int, limit: Int)
    /// Ids before and after a text together.
    case surroundingIDCount(found: Int, limit: Int)
    case emptyPattern
    case normalizerCount(found: Int, limit: Int)
    case normalizerTextLength(bytes: Int, limit: Int)
    /// The normalizers together could make a text longer than `limit` times itself.
    case normalizerGrowth(found: Int, limit: Int)
    /// The normalizers together could put this many bytes before a text.
    case prependedBytes(found: Int, limit: Int)

    public var description: String {
        switch self {
        case .notAVocabulary: "not an encoded vocabulary: wrong magic number"
        case .unknownVersion(let found, let supported): "vocabulary version \(found), this build reads \(supported)"
        case .truncated(let field, let offset): "vocabulary ends inside \(field) (offset \(offset))"
        case .trailingBytes(let count): "\(count) bytes after the end of the vocabulary"
        case .invalidValue(let field, let found): "vocabulary: \(field) cannot be \(found)"
        case .pieceCount(let found, let limit): "vocabulary has \(found) pieces, need 1...\(limit)"
        case .pieceNotUTF8(let id): "vocabulary piece \(id) is not valid UTF-8"
        case .duplicatePiece(let id): "vocabulary piece \(id) is spelled like one before it"
        case .countMismatch(let field, let found, let needed): "vocabulary has \(found) \(field), need \(needed)"
        case .scoreNotANumber(let id): "score of vocabulary piece \(id) is not a number"
        case .idOutOfRange(let field, let id, let count): "\(field) is token \(id), vocabulary has \(count) pieces"
        case .mergeResultDiffers(let rank): "merge \(rank) does not give the piece it names"
        case .bytePieceSpelling(let id): "byte piece \(id) is not spelled <0x00>...<0xFF>"
        case .bytePieceMissing(let byte): "byte fallback needs a piece for byte \(byte)"
        case .missingUnknownPiece: "vocabulary needs exactly one unknown piece"
        case .searchedPieceLength(let id, let bytes, let limit):
            "added or user-defined token \(id) has \(bytes) bytes, need 1...\(limit)"
        case .searchedBytes(let found, let limit):
            "added and user-defined tokens have \(found) bytes together, at most \(limit) are allowed"
        case .scoredPieceLength(let id, let bytes, let limit), .mergedPieceLength(let id, let bytes, let limit):
            "vocabulary piece \(id) has \(bytes) bytes, at most \(limit) are allowed"
        case .normalizerCount(let found, let limit): "\(found) normalizers, at most \(limit) are allowed"
        case .normalizerTextLength(let bytes, let limit):
            "a normalizer's text has \(bytes) bytes, at most \(limit) are allowed"
        case .normalizerGrowth(let found, let limit):
            "the normalizers make texts up to \(found) times as long, at most \(limit) times is allowed"
        case .prependedBytes(let found, let limit):
            "the normalizers put up to \(found) bytes before a text, at most \(limit) are allowed"
        case .surroundingIDCount(let found, let limit):
            "\(found) ids before and after a text, at most \(limit) are allowed"
        case .emptyPattern: "normalizer replaces an empty pattern"
        }
    }
}
