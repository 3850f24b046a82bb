import IsterTokenizer

/// The parts of a sentencepiece ModelProto that decide ids; field numbers and defaults are sentencepiece_model.proto's.
struct SentencePieceProto {
    struct Piece {
        var content: [UInt8] = []
        var score: Float = 0
        var type: UInt64 = 1
    }

    private(set) var pieces: [Piece] = []
    private(set) var modelType: UInt64 = 1
    private(set) var byteFallback = false
    private(set) var spaceIsSuffix = false
    private(set) var bosPiece = Array("<s>".utf8)
    private(set) var eosPiece = Array("</s>".utf8)
    private(set) var padPiece = Array("<pad>".utf8)
    private(set) var normalizerName: [UInt8] = []
    private(set) var hasNormalizerMap = false
    private(set) var hasDenormalizerMap = false
    private(set) var addsDummyPrefix = true
    private(set) var removesExtraWhitespace = true
    private(set) var escapesWhitespace = true

    init(_ bytes: [UInt8], file: String) throws(TokenizerFileError) {
        var reader = ProtobufReader(bytes, 0..<bytes.count, file: file)
        while let (field, value) = try reader.next() {
            guard case .bytes(let range) = value else { continue }
            switch field {
            case 1: try readPiece(ProtobufReader(bytes, range, file: file))
            case 2: try readTrainer(ProtobufReader(bytes, range, file: file))
            case 3: try readNormalizer(ProtobufReader(bytes, range, file: file))
            case 5: try readDenormalizer(ProtobufReader(bytes, range, file: file))
            default: break
            }
        }
    }

    private mutating func readPiece(_ reader: ProtobufReader) throws(TokenizerFileError) {
        var reader = reader
        var piece = Piece()
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let range)): piece.content = Array(reader.bytes[range])
            case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
            case (3, .varint(let type)): piece.type = type
            case (1...3, _): throw reader.malformed("piece")
            default: break
            }
        }
        pieces.append(piece)
    }

    private mutating func readTrainer(_ reader: ProtobufReader) throws(TokenizerFileError) {
        var reader = reader
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (3, .varint(let type)): modelType = type
            case (24, .varint(let flag)): spaceIsSuffix = flag != 0
            case (35, .varint(let flag)): byteFallback = flag != 0
            case (46, .bytes(let range)): bosPiece = Array(reader.bytes[range])
            case (47, .bytes(let range)): eosPiece = Array(reader.bytes[range])
            case (48, .bytes(let range)): padPiece = Array(reader.bytes[range])
            default: break
            }
        }
    }

    private mutating func readNormalizer(_ reader: ProtobufReader) throws(TokenizerFileError) {
        var reader = reader
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let range)): normalizerName = Array(reader.bytes[range])
            case (2, .bytes(let range)): hasNormalizerMap = !range.isEmpty
            case (3, .varint(let flag)): addsDummyPrefix = flag != 0
            case (4, .varint(let flag)): removesExtraWhitespace = flag != 0
            case (5, .varint(let flag)): escapesWhitespace = flag != 0
            default: break
            }
        }
    }

    private mutating func readDenormalizer(_ reader: ProtobufReader) throws(TokenizerFileError) {
        var reader = reader
        while let (field, value) = try reader.next() {
            if case (2, .bytes(let range)) = (field, value) { hasDenormalizerMap = !range.isEmpty }
        }
    }
}
