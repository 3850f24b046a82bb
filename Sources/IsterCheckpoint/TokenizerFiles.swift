import IsterTokenizer

/// Reads the files in which tokenizers come into a `Vocabulary`. What would change ids and is not understood is
/// refused by name.
public enum TokenizerFiles {
    static let sentencePieceFile = "tokenizer.model"
    static let jsonFile = "tokenizer.json"
    static let configurationFile = "tokenizer_config.json"
    static let specialTokensFile = "special_tokens_map.json"
    /// Read beside tokenizer.model only.
    static let addedTokensFile = "added_tokens.json"

    /// A name from a file for one line of a message.
    static func quote(_ bytes: some Collection<UInt8>) -> String { quoted(String(decoding: bytes, as: UTF8.self)) }

    /// Throws what `Vocabulary.validate` finds, with the file's name.
    static func validated(_ vocabulary: Vocabulary, file: String) throws(TokenizerFileError) -> Vocabulary {
        do { try vocabulary.validate() } catch { throw .vocabulary(file: file, error) }
        return vocabulary
    }
}

/// Tokens by id, then dense from 0.
struct TokenTable {
    let file: String
    private(set) var idsByContent: [[UInt8]: Int32] = [:]
    private var contentsByID: [Int32: [UInt8]] = [:]

    init(file: String) { self.file = file }

    /// Adding a token twice with one id changes nothing.
    mutating func add(_ content: [UInt8], id: Int) throws(TokenizerFileError) {
        guard let narrow = Int32(exactly: id), narrow >= 0 else {
            throw .conflictingID(file: file, token: TokenizerFiles.quote(content), id: id)
        }
        guard (idsByContent[content] ?? narrow) == narrow, (contentsByID[narrow] ?? content) == content else {
            throw .conflictingID(file: file, token: TokenizerFiles.quote(content), id: id)
        }
        idsByContent[content] = narrow
        contentsByID[narrow] = content
    }

    func pieces() throws(TokenizerFileError) -> PieceList {
        guard let last = contentsByID.keys.max() else { throw .missing(file: file, what: "tokens") }
        var pieces = PieceList()
        for id in 0...last {
            guard let content = contentsByID[id] else {
                throw .missingID(file: file, id: Int(id), count: Int(last) + 1)
            }
            pieces.append(content)
        }
        return pieces
    }
}
