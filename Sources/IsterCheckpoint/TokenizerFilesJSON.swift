public import IsterTokenizer

extension TokenizerFiles {
    /// A `tokenizer.json` of the tokenizers package with BPE model, as transformers loads it: `add_bos_token` or
    /// `add_eos_token` in the configuration replace the file's post-processor, and the tokens that the configuration
    /// or its class names are special. A named token that the vocabulary lacks has no id.
    public static func vocabulary(
        tokenizerJSON: JSONValue, configuration: JSONValue? = nil, specialTokensMap: JSONValue? = nil
    ) throws(TokenizerFileError) -> Vocabulary {
        let file = jsonFile
        guard case .object(let root) = tokenizerJSON else {
            throw .wrongType(file: file, key: "document", wanted: "object", found: tokenizerJSON.kind)
        }
        var settings = try TokenizerConfiguration(configuration, specialTokensMap: specialTokensMap)
        settings.addClassDefaults()
        do {
            let modelObject = try root.required("model", root.object)
            let model = try BytePairModel(modelObject, file: file)
            var table = TokenTable(file: file)
            for (id, content) in model.tokens { try table.add(content, id: id) }
            let addedTokens = try addedTokens(root, settings, &table)
            let steps = try TokenizerSteps(root, addsPrefixSpace: settings.addsPrefixSpace, file: file)
            var vocabulary = Vocabulary(
                pieces: try table.pieces(), model: .merges(try model.mergeModel(steps)), decoder: steps.decoder,
                addedTokens: addedTokens, bosID: settings.bos.flatMap { table.idsByContent[$0] },
                eosID: settings.eos.flatMap { table.idsByContent[$0] },
                unknownID: settings.unknown.flatMap { table.idsByContent[$0] } ?? model.unknownID,
                paddingID: settings.padding.flatMap { table.idsByContent[$0] })
            if settings.addsBOS != nil || settings.addsEOS != nil {
                try add(settings, to: &vocabulary, addsBOSByDefault: false, file: file)
            } else {
                (vocabulary.prefixIDs, vocabulary.suffixIDs) = try PostProcessor(root, file: file).ids
            }
            return try validated(vocabulary, file: file)
        } catch let error as JSONError {
            throw .json(file: file, error)
        } catch let error as TokenizerFileError {
            throw error
        } catch {
            throw .malformed(file: file, what: "\(error)", offset: 0)
        }
    }

    /// The file's added tokens, then those of the configuration. Flags in the configuration's `added_tokens_decoder`
    /// replace the file's, as transformers adds those tokens again; only what is special by either stays special.
    private static func addedTokens(
        _ root: JSONObject, _ settings: TokenizerConfiguration, _ table: inout TokenTable
    ) throws -> [Vocabulary.AddedToken] {
        var tokens: [Vocabulary.AddedToken] = []
        var places: [Int32: Int] = [:]
        func add(_ token: Vocabulary.AddedToken) {
            places[token.id] = tokens.count
            tokens.append(token)
        }
        for value in try root.array("added_tokens") ?? [] {
            guard case .object(let object) = value else {
                throw TokenizerFileError.wrongType(
                    file: jsonFile, key: "added_tokens", wanted: "objects", found: value.kind)
            }
            let id = try object.required("id", object.integer)
            let token = try TokenizerConfiguration.Token(object, id: id, isSpecialByDefault: false)
            try table.add(token.content, id: id)
            if places[token.token.id] == nil { add(token.token) }
        }
        for token in settings.addedTokens {
            try table.add(token.content, id: token.id)
            guard let place = places[token.token.id] else {
                add(token.token)
                continue
            }
            let wasSpecial = tokens[place].isSpecial
            tokens[place] = token.token
            tokens[place].isSpecial = tokens[place].isSpecial || wasSpecial
        }
        for content in settings.special {
            guard let id = table.idsByContent[content], places[id] == nil else { continue }
            add(Vocabulary.AddedToken(id: id, isSpecial: true))
        }
        return tokens
    }
}

/// The `model` of tokenizer.json.
struct BytePairModel {
    private(set) var tokens: [(id: Int, content: [UInt8])] = []
    private(set) var unknownID: Int32?
    private var merges: [Vocabulary.Merge] = []
    private let byteFallback: Bool
    private let fusesUnknown: Bool
    private let ignoresMerges: Bool
    private let file: String

    init(_ object: JSONObject, file: String) throws {
        self.file = file
        if let type = try object.bytes("type"), type != Array("BPE".utf8) {
            throw TokenizerFileError.unsupported(file: file, what: "model type", found: TokenizerFiles.quote(type))
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let text = try object.bytes(key), !text.isEmpty {
                throw TokenizerFileError.unsupported(file: file, what: key, found: TokenizerFiles.quote(text))
            }
        }
        if let dropout = try object.number("dropout"), dropout != 0 {
            throw TokenizerFileError.unsupported(file: file, what: "dropout", found: "\(dropout)")
        }
        byteFallback = try object.bool("byte_fallback") ?? false
        fusesUnknown = try object.bool("fuse_unk") ?? false
        ignoresMerges = try object.bool("ignore_merges") ?? false
        let vocabulary = try object.required("vocab", object.object)
        for entry in vocabulary.entries {
            guard case .integer(let id) = entry.value else {
                throw JSONError.wrongType(
                    key: String(decoding: entry.key, as: UTF8.self), wanted: "integer", found: entry.value.kind)
            }
            tokens.append((id, entry.key))
        }
        if let unknown = try object.bytes("unk_token") {
            unknownID = try Self.id(unknown, vocabulary, "unk_token", file)
        }
        for value in try object.required("merges", object.array) {
            merges.append(try Self.merge(value, vocabulary, file))
        }
    }

    func mergeModel(_ steps: TokenizerSteps) throws -> Vocabulary.MergeModel {
        Vocabulary.MergeModel(
            merges: merges, ignoresMerges: ignoresMerges, byteFallback: byteFallback, fusesUnknown: fusesUnknown,
            unknownID: unknownID, normalizers: steps.normalizers, preTokenizer: steps.preTokenizer,
            isByteLevel: steps.isByteLevel, addsPrefixSpace: steps.addsPrefixSpace)
    }

    /// `["left", "right"]` or `"left right"`.
    private static func merge(_ value: JSONValue, _ vocabulary: JSONObject, _ file: String) throws -> Vocabulary.Merge {
        let parts: [[UInt8]]
        switch value {
        case .string(let line):
            parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map { Array($0) }
        case .array(let values): parts = values.compactMap { if case .string(let part) = $0 { part } else { nil } }
        default: parts = []
        }
        guard parts.count == 2 else {
            throw TokenizerFileError.wrongType(file: file, key: "merges", wanted: "pairs of tokens", found: value.kind)
        }
        return Vocabulary.Merge(
            left: try id(parts[0], vocabulary, "merges' token", file),
            right: try id(parts[1], vocabulary, "merges' token", file),
            result: try id(parts[0] + parts[1], vocabulary, "merges' token", file))
    }

    private static func id(_ token: [UInt8], _ vocabulary: JSONObject, _ what: String, _ file: String) throws -> Int32 {
        guard case .integer(let id)? = vocabulary.value(for: token), let narrow = Int32(exactly: id) else {
            throw TokenizerFileError.unknownToken(file: file, what: what, token: TokenizerFiles.quote(token))
        }
        return narrow
    }
}
