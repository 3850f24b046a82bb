import IsterCheckpoint
import IsterModelFile
import IsterTokenizer

/// Opens the tokenizer of whatever a path names.
enum TokenizerSource {
    static func open(_ path: String) throws(Failure) -> Tokenizer {
        try reporting(path) {
            if path.hasSuffix(".ister") { return try ModelFile.open(path: path).tokenizer() }
            if path.hasSuffix(".model") {
                let bytes = try InputFile.read(path)
                return try Tokenizer(TokenizerFiles.vocabulary(sentencePieceModel: bytes))
            }
            if path.hasSuffix(".json") {
                let json = try JSONValue.parse(InputFile.read(path))
                return try Tokenizer(TokenizerFiles.vocabulary(tokenizerJSON: json))
            }
            return try Tokenizer(Checkpoint.open(path: path).vocabulary())
        }
    }
}
