import Foundation
import IsterCheckpoint
import IsterTokenizer
import Testing

struct TokenizerFileTests {
    /// prefix-space.json, which is written without spaces, with a text replaced once.
    private func edited(_ old: String, _ new: String) throws -> JSONValue {
        let text = String(decoding: try Golden.bytes("prefix-space.json"), as: UTF8.self)
        let found = text.range(of: old)
        let range = try #require(found, "\(old)")
        return try JSONValue.parse(Array(text.replacingCharacters(in: range, with: new).utf8))
    }

    @Test(arguments: [
        (#""type":"BPE""#, #""type":"WordPiece""#, "WordPiece"),
        (#""normalizer":null"#, #""normalizer":{"type":"NFC"}"#, "NFC"),
        (#""dropout":null"#, #""dropout":0.1"#, "dropout"),
        (#""end_of_word_suffix":null"#, #""end_of_word_suffix":"</w>""#, "</w>"),
        (#""pre_tokenizer":{"type":"ByteLevel""#, #""pre_tokenizer":{"type":"Whitespace""#, "Whitespace"),
        (#""decoder":{"type":"ByteLevel""#, #""decoder":{"type":"WordPiece""#, "WordPiece"),
        (#""post_processor":null"#, #""post_processor":{"type":"BertProcessing"}"#, "BertProcessing"),
        (
            #""pre_tokenizer":{"type":"ByteLevel""#,
            #""pre_tokenizer":{"type":"Sequence", "pretokenizers":[{"type":"Split", "behavior":"Isolated", "#
                + #""pattern":{"Regex":"\\d+"}}, {"type":"ByteLevel", "use_regex": false}]}, "unused":{"type":"ByteLevel""#,
            #"\d+"#
        ),
    ])
    func `what would change ids is refused by name`(old: String, new: String, name: String) throws {
        let json = try edited(old, new)
        let error = #expect(throws: TokenizerFileError.self) { try TokenizerFiles.vocabulary(tokenizerJSON: json) }
        guard case .unsupported(let file, _, let found)? = error else {
            return #expect(Bool(false), "\(String(describing: error))")
        }
        #expect(file == "tokenizer.json" && (found.contains(name) || "\(error!)".contains(name)), "\(found)")
    }

    @Test func `a chain of normalizers that double the text is refused`() throws {
        let double = #"{"type":"Replace","pattern":{"String":"a"},"content":"aa"}"#
        let chain = Array(repeating: double, count: 40).joined(separator: ",")
        let json = try edited(#""normalizer":null"#, #""normalizer":{"type":"Sequence","normalizers":[\#(chain)]}"#)
        let wanted = TokenizerFileError.vocabulary(file: "tokenizer.json", .normalizerCount(found: 40, limit: 8))
        #expect(throws: wanted) { try TokenizerFiles.vocabulary(tokenizerJSON: json) }
    }

    @Test func `a template that names a long list of ids many times is refused at once`() throws {
        let list = Array(repeating: "1", count: 1 << 16).joined(separator: ",")
        func processor(ids: String, times: Int, templates: Int = 1) -> String {
            let token = Array(repeating: #"{"SpecialToken":{"id":"x"}},"#, count: times).joined()
            let template =
                #"{"type":"TemplateProcessing","single":[\#(token){"Sequence":{}}],"special_tokens":"#
                + #"{"x":{"ids":[\#(ids)]}}}"#
            let all = Array(repeating: template, count: templates).joined(separator: ",")
            return #""post_processor":{"type":"Sequence","processors":[\#(all)]}"#
        }
        func vocabulary(_ processor: String) throws -> Vocabulary {
            try TokenizerFiles.vocabulary(tokenizerJSON: edited(#""post_processor":null"#, processor))
        }
        #expect(try vocabulary(processor(ids: "1,2", times: 16, templates: 2)).prefixIDs.count == 64)
        for (text, count) in [
            (processor(ids: list, times: 1 << 14), 1 << 16), (processor(ids: "1,2", times: 33), 66),
            (processor(ids: "1,2", times: 11, templates: 3), 66),
        ] {
            let wanted = TokenizerFileError.vocabulary(
                file: "tokenizer.json", .surroundingIDCount(found: count, limit: 64))
            #expect(throws: wanted) { try vocabulary(text) }
        }
    }

    @Test func `a fault of the map of special tokens names its file`() throws {
        let wrong = try JSONValue.parse(Array(#"{"bos_token": 7}"#.utf8))
        let json = try Golden.json("byte-level.json")
        for (file, map, configuration) in [
            ("special_tokens_map.json", wrong, nil), ("tokenizer_config.json", nil, wrong),
        ] as [(String, JSONValue?, JSONValue?)] {
            let wanted = TokenizerFileError.wrongType(
                file: file, key: "bos_token", wanted: "string", found: "integer")
            #expect(throws: wanted) {
                try TokenizerFiles.vocabulary(tokenizerJSON: json, configuration: configuration, specialTokensMap: map)
            }
        }
    }

    @Test func `gaps and conflicts in ids are refused`() throws {
        let gap = try edited(#""id":2,"#, #""id":500,"#)
        #expect(throws: TokenizerFileError.conflictingID(file: "tokenizer.json", token: "\"<|im_end|>\"", id: 500)) {
            try TokenizerFiles.vocabulary(tokenizerJSON: gap)
        }
        let missing = try edited(
            #""added_tokens":["#, #""added_tokens":[{"id": 400, "content": "far", "special": true},"#)
        #expect(throws: TokenizerFileError.missingID(file: "tokenizer.json", id: 384, count: 401)) {
            try TokenizerFiles.vocabulary(tokenizerJSON: missing)
        }
    }

    @Test func `the configuration decides on added tokens`() throws {
        let json = try Golden.json("llama3.json")
        #expect(try TokenizerFiles.vocabulary(tokenizerJSON: json).prefixIDs == [1])
        let none = try JSONValue.parse(Array(#"{"add_bos_token": false, "bos_token": "<|im_start|>"}"#.utf8))
        let bare = try TokenizerFiles.vocabulary(tokenizerJSON: json, configuration: none)
        #expect(bare.prefixIDs.isEmpty && bare.suffixIDs.isEmpty && bare.bosID == 1)
        let both = try JSONValue.parse(
            Array(
                #"{"add_bos_token": true, "add_eos_token": true, "bos_token": "<|im_start|>", "eos_token": {"content": "<|im_end|>"}}"#
                    .utf8))
        let full = try TokenizerFiles.vocabulary(tokenizerJSON: json, configuration: both)
        #expect(full.prefixIDs == [1] && full.suffixIDs == [2] && full.addsBOS && full.addsEOS)
        let lost = try JSONValue.parse(Array(#"{"add_bos_token": true}"#.utf8))
        #expect(throws: TokenizerFileError.self) {
            try TokenizerFiles.vocabulary(tokenizerJSON: json, configuration: lost)
        }
    }

    @Test func `flags in the configuration replace those of the file, and what was special stays so`() throws {
        let json = try Golden.json("llama3.json")
        let text =
            #"{"added_tokens_decoder": {"384": {"content": "<tool>", "lstrip": true, "special": true}, "#
            + #""385": {"content": "<trim>", "special": false}}}"#
        let file = try TokenizerFiles.vocabulary(tokenizerJSON: json)
        let vocabulary = try TokenizerFiles.vocabulary(
            tokenizerJSON: json, configuration: JSONValue.parse(Array(text.utf8)))
        #expect(vocabulary.addedTokens.map(\.id) == file.addedTokens.map(\.id))
        func token(_ id: Int32, in vocabulary: Vocabulary) -> Vocabulary.AddedToken? {
            vocabulary.addedTokens.first { $0.id == id }
        }
        #expect(token(384, in: file)?.isSpecial == false && token(384, in: file)?.stripsLeft == false)
        #expect(
            token(384, in: vocabulary) == Vocabulary.AddedToken(id: 384, isSpecial: true, stripsLeft: true))
        #expect(token(385, in: file)?.stripsLeft == true)
        #expect(
            token(385, in: vocabulary) == Vocabulary.AddedToken(id: 385, isSpecial: true, isNormalized: true))
        #expect(token(386, in: vocabulary) == token(386, in: file))
    }

    @Test func `a SentencePiece folder honours its configuration`() throws {
        let bytes = try Golden.bytes("stories.model")
        let plain = try TokenizerFiles.vocabulary(sentencePieceModel: bytes)
        #expect(plain.prefixIDs == [1] && plain.suffixIDs.isEmpty)
        let text =
            #"{"add_bos_token": false, "add_eos_token": true, "legacy": false, "added_tokens_decoder": "#
            + #"{"2": {"content": "</s>", "special": true}, "512": {"content": "<call>", "special": false, "lstrip": true}}}"#
        let configuration = try JSONValue.parse(Array(text.utf8))
        let vocabulary = try TokenizerFiles.vocabulary(sentencePieceModel: bytes, configuration: configuration)
        #expect(vocabulary.prefixIDs.isEmpty && vocabulary.suffixIDs == [2] && vocabulary.pieces.count == 513)
        let tokenizer = try Tokenizer(vocabulary)
        let ids = tokenizer.encode("a  <call>a", addSpecial: false, parseSpecial: false)
        let first = tokenizer.encode("a", addSpecial: false, parseSpecial: false)
        #expect(
            ids.contains(512) && ids.count == first.count + 2, "no second prefix space, and lstrip takes the spaces")
        let gap = try JSONValue.parse(Array(#"{"added_tokens_decoder": {"600": {"content": "far"}}}"#.utf8))
        #expect(throws: TokenizerFileError.missingID(file: "tokenizer.model", id: 512, count: 601)) {
            try TokenizerFiles.vocabulary(sentencePieceModel: bytes, configuration: gap)
        }
    }

    @Test(arguments: ["LlamaTokenizer", "LlamaTokenizerFast"])
    func `a name that no file gives is that of LlamaTokenizer, null is none`(name: String) throws {
        func vocabulary(_ json: String, _ members: String, map: String = "{}") throws -> Vocabulary {
            try TokenizerFiles.vocabulary(
                tokenizerJSON: Golden.json(json), configuration: JSONValue.parse(Array("{\(members)}".utf8)),
                specialTokensMap: JSONValue.parse(Array(map.utf8)))
        }
        let own = "\"tokenizer_class\": \"\(name)\""
        let bare = try vocabulary("metaspace.json", own)
        #expect(bare.bosID == 1 && bare.eosID == 2 && bare.unknownID == 0)
        let started = try vocabulary("metaspace.json", own + ", \"add_bos_token\": true")
        #expect(started.prefixIDs == [1])
        let none = try vocabulary("metaspace.json", own + ", \"bos_token\": null", map: "{\"eos_token\": null}")
        #expect(none.bosID == nil && none.eosID == nil)
        let mapped = try vocabulary("metaspace.json", own, map: "{\"bos_token\": \"<unk>\"}")
        #expect(mapped.bosID == 0 && mapped.eosID == 2)
        // Another class has no such names, another vocabulary no such tokens.
        #expect(try vocabulary("metaspace.json", "\"tokenizer_class\": \"PreTrainedTokenizerFast\"").bosID == nil)
        let other = try vocabulary("llama3.json", own)
        #expect(other.bosID == nil && other.addedTokens.count == 7)
    }

    @Test func `a class that changes ids is refused, a prefix space in the configuration wins`() throws {
        let bytes = try Golden.bytes("stories.model")
        let shifted = try JSONValue.parse(Array(#"{"tokenizer_class": "XLMRobertaTokenizer"}"#.utf8))
        let wanted = TokenizerFileError.unsupported(
            file: "tokenizer_config.json", what: "tokenizer_class", found: "\"XLMRobertaTokenizer\"")
        #expect(throws: wanted) {
            try TokenizerFiles.vocabulary(sentencePieceModel: bytes, configuration: shifted)
        }
        let off = try JSONValue.parse(Array(#"{"add_prefix_space": false}"#.utf8))
        let json = try Golden.json("prefix-space.json")
        let bare = try Tokenizer(TokenizerFiles.vocabulary(tokenizerJSON: json, configuration: off))
        let gpt2 = try Golden.plain("byte-level.json")
        for (text, ids) in zip(try Golden.strings(), gpt2) {
            #expect(bare.encode(text, addSpecial: false, parseSpecial: false) == ids)
        }
    }

    @Test func `special tokens of the map are special, those without an id are left out`() throws {
        let map = #"{"bos_token": {"content": "Lily"}, "pad_token": "[PAD]", "additional_special_tokens": ["he"]}"#
        let vocabulary = try TokenizerFiles.vocabulary(
            tokenizerJSON: Golden.json("byte-level.json"), specialTokensMap: JSONValue.parse(Array(map.utf8)))
        #expect(vocabulary.paddingID == nil)
        let he = try #require(Tokenizer(vocabulary).id(ofPiece: Array("he".utf8)), "he is a piece")
        #expect(vocabulary.addedTokens.contains { $0.id == he && $0.isSpecial })
    }

    @Test func `models that are not BPE and normalizers with a map are refused by name`() throws {
        let bytes = try Golden.bytes("stories.model")
        // Protobuf merges a repeated message: trainer_spec.model_type = 1, normalizer_spec.precompiled_charsmap.
        #expect(throws: TokenizerFileError.unsupported(file: "tokenizer.model", what: "model type", found: "UNIGRAM")) {
            try TokenizerFiles.vocabulary(sentencePieceModel: bytes + [0x12, 2, 0x18, 1])
        }
        let normalizer: [UInt8] = [0x1A, 12, 0x0A, 8] + Array("nmt_nfkc".utf8) + [0x12, 0]
        #expect(throws: Never.self) { try TokenizerFiles.vocabulary(sentencePieceModel: bytes + normalizer) }
        let mapped: [UInt8] = [0x1A, 13, 0x0A, 8] + Array("nmt_nfkc".utf8) + [0x12, 1, 0]
        #expect(
            throws: TokenizerFileError.unsupported(file: "tokenizer.model", what: "normalizer", found: "\"nmt_nfkc\"")
        ) {
            try TokenizerFiles.vocabulary(sentencePieceModel: bytes + mapped)
        }
    }

    @Test func `a truncated or damaged tokenizer.model never traps`() throws {
        let bytes = try Golden.bytes("stories-unknown.model")
        var refused = 0
        let lengths = Array(0..<100) + Array(stride(from: 100, to: bytes.count, by: 23))
        for length in lengths {
            do { _ = try TokenizerFiles.vocabulary(sentencePieceModel: Array(bytes[..<length])) } catch { refused += 1 }
        }
        #expect(refused > lengths.count * 9 / 10)
        var random = SplitMix(state: 3)
        for _ in 0..<200 {
            var damaged = bytes
            damaged[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            guard let vocabulary = try? TokenizerFiles.vocabulary(sentencePieceModel: damaged) else { continue }
            _ = try Tokenizer(vocabulary).encode("Once upon a time 中", addSpecial: true, parseSpecial: true)
        }
    }

    @Test func `a damaged tokenizer.json never traps`() throws {
        let bytes = try Golden.bytes("metaspace.json")
        var random = SplitMix(state: 5)
        for _ in 0..<150 {
            var damaged = bytes
            damaged[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0x20...0x7E, using: &random)
            guard let json = try? JSONValue.parse(damaged),
                let vocabulary = try? TokenizerFiles.vocabulary(tokenizerJSON: json)
            else { continue }
            _ = try Tokenizer(vocabulary).encode("Once upon a time 中", addSpecial: true, parseSpecial: true)
        }
    }
}
