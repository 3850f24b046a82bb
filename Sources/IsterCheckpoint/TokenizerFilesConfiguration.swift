import IsterTokenizer

/// What tokenizer_config.json and special_tokens_map.json say about tokens.
struct TokenizerConfiguration {
    struct Token {
        var id: Int
        var content: [UInt8]
        var token: Vocabulary.AddedToken
    }

    private(set) var bos: [UInt8]?
    private(set) var eos: [UInt8]?
    private(set) var unknown: [UInt8]?
    private(set) var padding: [UInt8]?
    /// Contents of all tokens that the files name as special.
    private(set) var special: [[UInt8]] = []
    private(set) var addedTokens: [Token] = []
    private(set) var addsBOS: Bool?
    private(set) var addsEOS: Bool?
    private(set) var addsPrefixSpace: Bool?
    /// transformers: false puts the prefix space only at the start of the text, not after each special token.
    private(set) var isLegacy: Bool?
    /// Python class that transformers would use.
    private(set) var className: [UInt8]?
    /// Names of tokens that either file has as a key, even if with null.
    private var given: Set<String> = []

    /// Either may be absent; the configuration wins.
    init(_ configuration: JSONValue?, specialTokensMap: JSONValue?) throws(TokenizerFileError) {
        let file = TokenizerFiles.configurationFile
        for (value, file) in [(specialTokensMap, TokenizerFiles.specialTokensFile), (configuration, file)] {
            guard let value else { continue }
            guard case .object(let object) = value else {
                throw .wrongType(file: file, key: "document", wanted: "object", found: value.kind)
            }
            try readNames(object, file)
        }
        guard case .object(let object)? = configuration else { return }
        do {
            addsBOS = try object.bool("add_bos_token")
            addsEOS = try object.bool("add_eos_token")
            addsPrefixSpace = try object.bool("add_prefix_space")
            isLegacy = try object.bool("legacy")
            className = try object.bytes("tokenizer_class")
        } catch { throw .json(file: file, error) }
        try readAddedTokens(object, file)
    }

    private mutating func readNames(_ object: JSONObject, _ file: String) throws(TokenizerFileError) {
        func content(_ value: JSONValue?, _ key: String) throws(TokenizerFileError) -> [UInt8]? {
            try Self.content(value, key, file)
        }
        bos = try content(object["bos_token"], "bos_token") ?? bos
        eos = try content(object["eos_token"], "eos_token") ?? eos
        unknown = try content(object["unk_token"], "unk_token") ?? unknown
        padding = try content(object["pad_token"], "pad_token") ?? padding
        for name in ["bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"] {
            if object[name] != nil { given.insert(name) }
            if let content = try content(object[name], name) { special.append(content) }
        }
        for key in ["additional_special_tokens", "extra_special_tokens"] {
            guard case .array(let more)? = object[key] else { continue }
            for value in more {
                if let content = try content(value, key) { special.append(content) }
            }
        }
    }

    /// LlamaTokenizer has names of its own for keys that neither file has; null is no name. They count as far as the
    /// vocabulary has tokens for them.
    mutating func addClassDefaults() {
        let name = String(decoding: className ?? [], as: UTF8.self)
        guard name == "LlamaTokenizer" || name == "LlamaTokenizerFast" else { return }
        func standard(_ name: String, _ content: String) -> [UInt8]? {
            given.contains(name) ? nil : Array(content.utf8)
        }
        let defaults = (
            bos: standard("bos_token", "<s>"), eos: standard("eos_token", "</s>"),
            unknown: standard("unk_token", "<unk>")
        )
        bos = bos ?? defaults.bos
        eos = eos ?? defaults.eos
        unknown = unknown ?? defaults.unknown
        special += [defaults.bos, defaults.eos, defaults.unknown].compactMap { $0 }
    }

    /// A token is written as a string or as an object with `content`; null and the empty string are none.
    private static func content(
        _ value: JSONValue?, _ key: String, _ file: String
    ) throws(TokenizerFileError) -> [UInt8]? {
        switch value {
        case nil, .null?, .bool(false)?: return nil
        case .string(let bytes)?: return bytes.isEmpty ? nil : bytes
        case .object(let object)?: return try content(object["content"], key, file)
        case let other?: throw .wrongType(file: file, key: key, wanted: "string", found: other.kind)
        }
    }

    private mutating func readAddedTokens(_ object: JSONObject, _ file: String) throws(TokenizerFileError) {
        guard case .object(let tokens)? = object["added_tokens_decoder"] else { return }
        for entry in tokens.entries {
            guard let id = Int(String(decoding: entry.key, as: UTF8.self)), case .object(let fields) = entry.value
            else {
                throw .wrongType(
                    file: file, key: "added_tokens_decoder", wanted: "an object for each id",
                    found: TokenizerFiles.quote(entry.key))
            }
            do { addedTokens.append(try Token(fields, id: id, isSpecialByDefault: false)) } catch {
                throw .json(file: file, error)
            }
        }
    }
}

extension TokenizerConfiguration.Token {
    /// `content` and the five flags, as in tokenizer.json and in added_tokens_decoder.
    init(_ object: JSONObject, id: Int, isSpecialByDefault: Bool) throws(JSONError) {
        let content = try object.required("content", object.bytes)
        let isSpecial = try object.bool("special") ?? isSpecialByDefault
        self.init(
            id: id, content: content,
            token: Vocabulary.AddedToken(
                id: Int32(clamping: id), isSpecial: isSpecial, stripsLeft: try object.bool("lstrip") ?? false,
                stripsRight: try object.bool("rstrip") ?? false, isSingleWord: try object.bool("single_word") ?? false,
                isNormalized: try object.bool("normalized") ?? !isSpecial))
    }
}
