import IsterTokenizer
import Testing

@testable import IsterCheckpoint

struct GGUFVocabularyTests {
    /// What a GGUF file made from the golden tokenizer would hold.
    private func gguf(_ name: String, pre: String? = nil) throws -> GGUFVocabulary {
        let vocabulary = try Golden.vocabulary(name)
        let pieces = (0..<vocabulary.pieces.count).map { Array(vocabulary.pieces[$0]) }
        var gguf = GGUFVocabulary(model: "llama", preTokenizer: pre, tokens: pieces)
        gguf.bosID = 1
        gguf.eosID = 2
        switch vocabulary.model {
        case .sentencePiece(let model):
            gguf.scores = model.scores
            gguf.types = model.types.map { Int($0.rawValue) }
            gguf.removesExtraSpaces = model.removesExtraWhitespace
            gguf.addsSpacePrefix = model.prefix == .always
        case .merges(let model):
            gguf.model = "gpt2"
            gguf.types = pieces.indices.map { id in vocabulary.addedTokens.contains { $0.id == id } ? 3 : 1 }
            gguf.merges = model.merges.map { pieces[Int($0.left)] + [0x20] + pieces[Int($0.right)] }
        }
        return gguf
    }

    @Test(
        arguments: [
            ("stories.model", nil), ("stories-user.model", nil), ("stories-unknown.model", nil),
            ("byte-level.json", "gpt-2"),
            ("digits.json", "smollm"), ("qwen2.json", "qwen2"),
        ] as [(String, String?)])
    func `a GGUF vocabulary gives the ids of the file it was made from`(name: String, pre: String?) throws {
        let tokenizer = try Tokenizer(TokenizerFiles.vocabulary(gguf: gguf(name, pre: pre)))
        for (text, ids) in zip(try Golden.strings(), try Golden.plain(name)) {
            #expect(tokenizer.encode(text, addSpecial: false, parseSpecial: false) == ids)
        }
    }

    @Test func `llama adds the start token by itself, gpt2 when told`() throws {
        #expect(try TokenizerFiles.vocabulary(gguf: gguf("stories.model")).prefixIDs == [1])
        var bytePairs = try gguf("byte-level.json", pre: "gpt-2")
        #expect(try TokenizerFiles.vocabulary(gguf: bytePairs).prefixIDs.isEmpty)
        bytePairs.addsBOS = true
        bytePairs.addsEOS = true
        let vocabulary = try TokenizerFiles.vocabulary(gguf: bytePairs)
        #expect(vocabulary.prefixIDs == [1] && vocabulary.suffixIDs == [2])
        #expect(try TokenizerFiles.vocabulary(gguf: gguf("llama3.json", pre: "llama-bpe")).prefixIDs == [1])
    }

    @Test(arguments: [nil, "default"]) func `a byte-level vocabulary without a pre-tokenizer's name is refused`(
        name: String?
    ) throws {
        let unnamed = try gguf("byte-level.json", pre: name)
        let error = #expect(throws: TokenizerFileError.unnamedPreTokenizer(file: "tokenizer.ggml", found: name)) {
            try TokenizerFiles.vocabulary(gguf: unnamed)
        }
        #expect(error?.description.contains("Hugging Face folder") == true)
    }

    @Test func `unknown kinds, absent lists and wrong ids are refused by name`() throws {
        var unknown = try gguf("stories.model")
        unknown.model = "bert"
        #expect(throws: TokenizerFileError.unsupported(file: "tokenizer.ggml", what: "model", found: "\"bert\"")) {
            try TokenizerFiles.vocabulary(gguf: unknown)
        }
        let pre = try gguf("byte-level.json", pre: "tekken")
        #expect(
            throws: TokenizerFileError.unsupported(file: "tokenizer.ggml", what: "pre-tokenizer", found: "\"tekken\"")
        ) {
            try TokenizerFiles.vocabulary(gguf: pre)
        }
        var bare = try gguf("stories.model")
        bare.scores = nil
        #expect(throws: TokenizerFileError.missing(file: "tokenizer.ggml", what: "scores")) {
            try TokenizerFiles.vocabulary(gguf: bare)
        }
        var wrong = try gguf("stories.model")
        wrong.eosID = 1 << 40
        #expect(throws: TokenizerFileError.self) { try TokenizerFiles.vocabulary(gguf: wrong) }
        wrong = try gguf("byte-level.json", pre: "gpt-2")
        wrong.types?.removeLast()
        #expect(throws: TokenizerFileError.self) { try TokenizerFiles.vocabulary(gguf: wrong) }
    }
}
