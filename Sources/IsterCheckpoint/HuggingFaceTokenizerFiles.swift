/// The tokenizer's files and the chat template of a Hugging Face folder.
struct HuggingFaceTokenizerFiles {
    let vocabularySource: Checkpoint.VocabularySource
    private(set) var chatTemplate: String?
    /// Templates that are not kept, as "file: name".
    private(set) var unusedTemplates: [String] = []
    let files: [CheckpointFile]

    /// A chat template beyond this is no template.
    private static let templateLimit = 256 << 10
    /// A folder of templates by name.
    private static let furtherTemplates = "additional_chat_templates"

    init(folder: String) throws(CheckpointError) {
        func existing(_ name: String, need: String = "the tokenizer") throws(CheckpointError) -> CheckpointFile? {
            let path = folder + "/" + name
            return try pathKind(path).exists ? CheckpointFile(path: path, need: need) : nil
        }
        var settings = Checkpoint.TokenizerSettings()
        settings.configuration = try existing(TokenizerFiles.configurationFile)
        settings.specialTokens = try existing(TokenizerFiles.specialTokensFile)
        // tokenizer.json holds everything; tokenizer.model lacks added tokens.
        let json = try existing(TokenizerFiles.jsonFile)
        let model = try json == nil ? existing(TokenizerFiles.sentencePieceFile) : nil
        if model != nil { settings.addedTokens = try existing(TokenizerFiles.addedTokensFile) }
        if let json {
            vocabularySource = .tokenizerJSON(json: json, settings)
        } else if let model {
            vocabularySource = .sentencePiece(model: model, settings)
        } else {
            vocabularySource = .missing(folder: folder)
        }
        let jinja = try existing("chat_template.jinja", need: "the chat template")
        files = [settings.configuration, json ?? model, settings.specialTokens, settings.addedTokens, jinja]
            .compactMap { $0 }
        if let configuration = settings.configuration { try readTemplates(of: configuration) }
        if let jinja {
            // transformers then takes none of the configuration's.
            chatTemplate = try Self.text(of: jinja)
            unusedTemplates = []
        }
        if try pathKind(folder + "/" + Self.furtherTemplates).exists { unusedTemplates.append(Self.furtherTemplates) }
    }

    /// `chat_template`: one string, or a list of `{name, template}` of which "default" counts.
    private mutating func readTemplates(of file: CheckpointFile) throws(CheckpointError) {
        let object = try readJSONObject(file, limit: 64 << 20)
        switch object["chat_template"] {
        case nil, .null?: return
        case .string(let bytes)?: chatTemplate = try Self.checked(bytes, file.path)
        case .array(let values)?:
            for case .object(let entry) in values {
                guard case .string(let bytes)? = entry["template"] else { continue }
                if entry["name"] != .string(Array("default".utf8)) {
                    let name = entry["name"]?.shortText ?? "without a name"
                    unusedTemplates.append("\(TokenizerFiles.configurationFile): \(name)")
                } else if chatTemplate == nil {
                    chatTemplate = try Self.checked(bytes, file.path)
                }
            }
        case let other?:
            throw .wrongValueType(
                path: file.path, key: "chat_template", need: "a string or a list", found: other.kind)
        }
    }

    private static func text(of file: CheckpointFile) throws(CheckpointError) -> String {
        let bytes = try file.contents(limit: templateLimit)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformed(path: file.path, what: "the text", found: "not UTF-8", need: "UTF-8")
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
