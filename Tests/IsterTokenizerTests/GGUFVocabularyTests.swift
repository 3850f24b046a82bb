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
            ("stories.model", nil), ("stories-unknown.model", nil), ("byte-level.json", "gpt-2"),
            ("digits.json", "smollm"), ("qwen2.json", "qwen2"),
        ] as [(String, String?)])
    func `a GGUF vocabulary gives the ids of the file it was made from`(name: String, pre: String?) throws {
        let tokenizer = try Tokenizer(TokenizerFiles.vocabulary(gguf: gguf(name, pre: pre)))
        for (text, ids) in zip(try Golden.strings(), try Golden.plain(name)) {
            #expect(tokenizer.encode(text, addSpecial: false, parseSpecial: false) == ids)
        }
    }

    /// stories260K with the marks of a chat as converters write added tokens that are not special, at these ids.
    private func chat(_ first: Int, _ marks: [String] = ["<|im_start|>", "<|im_end|>"]) throws -> Vocabulary {
        var gguf = try gguf("stories.model")
        for (offset, mark) in marks.enumerated() {
            gguf.tokens[first + offset] = Array(mark.utf8)
            gguf.types?[first + offset] = 4
            gguf.scores?[first + offset] = -1000
        }
        return try TokenizerFiles.vocabulary(gguf: gguf)
    }

    @Test func `user-defined tokens of a SentencePiece vocabulary are cut out of the text as llama.cpp does`() throws {
        let vocabulary = try chat(510)
        let text = "<|im_start|>user hi<|im_end|>the"
        for vocabulary in [vocabulary, try Vocabulary(encodedBytes: vocabulary.encodedBytes())] {
            let tokenizer = try Tokenizer(vocabulary)
            // llama-tokenize of llama.cpp.
            #expect(
                tokenizer.encode(text, addSpecial: true, parseSpecial: true)
                    == [1, 510, 318, 419, 285, 270, 417, 511, 265])
            #expect(!tokenizer.isSpecial(510) && !tokenizer.isSpecial(511))
            #expect(tokenizer.decode([510, 265], skipSpecial: true) == Array("<|im_start|> the".utf8))
        }
    }

    @Test(arguments: [(510, "<|im_end|>"), (300, "<|im_end|>"), (300, "\u{4E2D}")])
    func `a user's text does not become a user-defined token that the template writes`(
        first: Int, mark: String
    ) throws {
        let tokenizer = try Tokenizer(chat(first, [mark]))
        let id = Int32(first)
        func ids(_ parts: [(String, Bool)]) -> [Int32] {
            tokenizer.encode(parts.map { PromptSegment(text: $0.0, isTrusted: $0.1) }, addSpecial: false)
        }
        let found = ids([("a", true), ("b" + mark + "c", false), (mark, true)])
        #expect(found.count { $0 == id } == 1 && found.last == id)
        // The user's mark is text: nothing of it is lost.
        #expect(tokenizer.decode(found, skipSpecial: false) == Array(("ab" + mark + "c" + mark).utf8))
        // Where no template writes it, it is read, as by llama.cpp.
        #expect(ids([("b" + mark, false)]).last == id)
    }

    @Test func `a user-defined piece with U+2581 is merged as others are`() throws {
        var gguf = try gguf("stories.model")
        let the = try #require(gguf.tokens.firstIndex(of: Array("\u{2581}the".utf8)))
        let plain = try Tokenizer(TokenizerFiles.vocabulary(gguf: gguf))
        gguf.types?[the] = 4
        let marked = try Tokenizer(TokenizerFiles.vocabulary(gguf: gguf))
        for text in try Golden.strings() where text.firstRange(of: Array("\u{2581}".utf8)) == nil {
            #expect(
                marked.encode(text, addSpecial: false, parseSpecial: false)
                    == plain.encode(text, addSpecial: false, parseSpecial: false))
        }
    }

    @Test func `a padding id without a token is dropped`() throws {
        var gguf = try gguf("stories.model")
        gguf.paddingID = 512
        #expect(try TokenizerFiles.vocabulary(gguf: gguf).paddingID == nil)
        gguf.paddingID = -1
        #expect(try TokenizerFiles.vocabulary(gguf: gguf).paddingID == nil)
        gguf.paddingID = 511
        #expect(try TokenizerFiles.vocabulary(gguf: gguf).paddingID == 511)
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
