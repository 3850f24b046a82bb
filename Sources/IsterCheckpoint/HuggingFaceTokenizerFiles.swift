/// The tokenizer's files and the chat template of a Hugging Face folder.
struct HuggingFaceTokenizerFiles {
    let vocabularySource: Checkpoint.VocabularySource
    let chatTemplate: String?
    let sourceFiles: [String]

    /// A chat template beyond this is no template.
    private static let templateLimit = 256 << 10

    init(folder: String) throws(CheckpointError) {
        func existing(_ name: String) throws(CheckpointError) -> String? {
            let path = folder + "/" + name
            return try pathKind(path).exists ? path : nil
        }
        let configuration = try existing("tokenizer_config.json")
        var used = configuration.map { [$0] } ?? []
        var tokenFiles = [TokenizerFiles.specialTokensFile]
        // tokenizer.json holds everything; tokenizer.model lacks added tokens.
        if let json = try existing("tokenizer.json") {
            vocabularySource = .tokenizerJSON(json: json, configuration: configuration)
            used.append(json)
        } else if let model = try existing("tokenizer.model") {
            vocabularySource = .sentencePiece(model: model, configuration: configuration)
            used.append(model)
            tokenFiles.append(TokenizerFiles.addedTokensFile)
        } else {
            vocabularySource = .missing(folder: folder)
        }
        for name in tokenFiles { if let path = try existing(name) { used.append(path) } }
        var template: String?
        if let configuration { template = try Self.template(inConfiguration: configuration) }
        if let jinja = try existing("chat_template.jinja") {
            template = try Self.text(inFile: jinja)
            used.append(jinja)
        }
        chatTemplate = template
        sourceFiles = used
    }

    /// `chat_template`: one string, or a list of `{name, template}` of which "default" counts.
    private static func template(inConfiguration path: String) throws(CheckpointError) -> String? {
        let object = try readJSONObject(path: path, need: "tokenizer settings", limit: 64 << 20)
        switch object["chat_template"] {
        case nil, .null?: return nil
        case .string(let bytes)?: return try checked(bytes, path)
        case .array(let values)?:
            for case .object(let entry) in values where entry["name"] == .string(Array("default".utf8)) {
                if case .string(let bytes)? = entry["template"] { return try checked(bytes, path) }
            }
            return nil
        case let other?:
            throw .wrongValueType(path: path, key: "chat_template", need: "a string or a list", found: other.kind)
        }
    }

    private static func text(inFile path: String) throws(CheckpointError) -> String {
        let bytes = try CheckpointFile(path: path, need: "the chat template").contents(limit: templateLimit)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformed(path: path, what: "the text", found: "not UTF-8", need: "UTF-8")
        }
        return text
    }

    private static func checked(_ bytes: [UInt8], _ path: String) throws(CheckpointError) -> String {
        if bytes.count > templateLimit {
            throw .malformed(
                path: path, what: "chat_template", found: "\(bytes.count) bytes", need: "at most \(templateLimit)")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
