/// Reads another engine's log-probabilities.
public final class BaseFileReader {
    public let path: String
    /// [windowCount * contextLength]
    public let tokens: [Int32]
    private let layout: BaseFileLayout
    private let file: EvaluationFile

    public var contextLength: Int { layout.contextLength }
    public var vocabularySize: Int { layout.vocabularySize }
    public var windowCount: Int { layout.windowCount }

    /// Proves the header, the length and the tokens; the rows are read when they are needed.
    /// candidateVocabularySize: of the model that is to be compared; another one is refused before the tokens are read.
    public init(path: String, candidateVocabularySize: Int? = nil) throws(EvaluationError) {
        let file = try EvaluationFile(reading: path)
        let length = try file.length()
        guard length >= BaseFileLayout.headerBytes else { throw .baseFile(path: path, .notABaseFile) }
        let header = try file.read(at: 0, count: BaseFileLayout.headerBytes)
        do throws(BaseFileDefect) {
            guard Array(header[..<8]) == BaseFileLayout.magic else { throw .notABaseFile }
            layout = try BaseFileLayout(
                contextLength: Int(Self.word(header, 8)), vocabularySize: Int(Int32(bitPattern: Self.word(header, 12))),
                windowCount: Int(Int32(bitPattern: Self.word(header, 16))))
        } catch {
            throw .baseFile(path: path, error)
        }
        if let size = candidateVocabularySize, size != layout.vocabularySize {
            throw .vocabularySizesDiffer(candidate: size, reference: layout.vocabularySize)
        }
        if length != layout.fileBytes {
            throw .baseFile(path: path, .wrongLength(found: length, needed: layout.fileBytes))
        }
        let bytes = try file.read(at: layout.tokensOffset, count: 4 * layout.tokenCount)
        tokens = (0..<layout.tokenCount).map { Int32(bitPattern: Self.word(bytes, 4 * $0)) }
        for (index, id) in tokens.enumerated() where id < 0 || Int(id) >= layout.vocabularySize {
            throw .baseFile(path: path, .tokenOutOfRange(index: index, id: id, vocabularySize: layout.vocabularySize))
        }
        self.path = path
        self.file = file
    }

    /// index: windows one after the other, `scoredPerWindow` rows each.
    func row(_ index: Int) throws(EvaluationError) -> BaseRow {
        let bytes = try file.read(at: layout.rowsOffset + index * layout.rowBytes, count: layout.rowBytes)
        let scale = Float(bitPattern: Self.word(bytes, 0))
        let lowest = Float(bitPattern: Self.word(bytes, 4))
        guard scale.isFinite, scale >= 0, lowest.isFinite else { throw .baseFile(path: path, .notFinite(row: index)) }
        // The largest code is that of the most likely token; a few roundings above 0 are the writer's.
        guard lowest + scale * Float(UInt16.max) <= 0.01 else {
            throw .baseFile(path: path, .notProbabilities(row: index))
        }
        let codes = (0..<layout.vocabularySize).map { UInt16(bytes[8 + 2 * $0]) | UInt16(bytes[9 + 2 * $0]) << 8 }
        return BaseRow(scale: scale, lowest: lowest, codes: codes, vocabularySize: layout.vocabularySize)
    }

    private static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
    }
}
