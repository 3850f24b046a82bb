import IsterTokenizer

/// Normalizer, pre-tokenizer and decoder of tokenizer.json, as far as their ids are reproduced exactly.
struct TokenizerSteps {
    private(set) var normalizers: [Vocabulary.Normalizer] = []
    private(set) var preTokenizer = Vocabulary.PreTokenizer.none
    private(set) var isByteLevel = false
    private(set) var addsPrefixSpace = false
    private(set) var decoder = Vocabulary.Decoder.byteLevel
    private let file: String

    /// `addsPrefixSpace`: what tokenizer_config.json says; it wins over the byte-level pre-tokenizer's own flag.
    init(_ root: JSONObject, addsPrefixSpace: Bool?, file: String) throws {
        self.file = file
        try readNormalizers(try StepList(root, "normalizer", members: "normalizers", file: file))
        let preTokenizers = try StepList(root, "pre_tokenizer", members: "pretokenizers", file: file)
        try readPreTokenizers(preTokenizers)
        if isByteLevel { try readPrefixSpace(preTokenizers, configured: addsPrefixSpace) }
        try readDecoders(try StepList(root, "decoder", members: "decoders", file: file))
    }

    private mutating func readNormalizers(_ list: StepList) throws {
        for step in list.steps {
            switch step.type {
            case "Prepend":
                normalizers.append(.prepend(try step.object.required("prepend", step.object.bytes)))
            case "Replace":
                let (pattern, content) = try step.replacement(file)
                normalizers.append(.replace(pattern: pattern, with: content))
            default: throw list.unsupported(step)
            }
        }
    }

    private mutating func readPreTokenizers(_ list: StepList) throws {
        let types = list.steps.map(\.type)
        switch types {
        case []: break
        case ["Metaspace"]:
            preTokenizer = try Self.metaspace(list.steps[0], file)
        case ["ByteLevel"]:
            isByteLevel = true
            preTokenizer = try list.steps[0].object.bool("use_regex") ?? true ? .gpt2 : .none
        case ["Digits", "ByteLevel"]:
            guard try list.steps[0].object.bool("individual_digits") ?? false,
                try list.steps[1].object.bool("use_regex") ?? true
            else { throw list.unsupported(list.steps[0]) }
            isByteLevel = true
            preTokenizer = .digitsGPT2
        case ["Split", "ByteLevel"]:
            guard try list.steps[1].object.bool("use_regex") == false else { throw list.unsupported(list.steps[1]) }
            isByteLevel = true
            preTokenizer = try Self.pattern(list.steps[0], file)
        default:
            throw TokenizerFileError.unsupported(
                file: file, what: "pre_tokenizer", found: types.joined(separator: " + "))
        }
    }

    private mutating func readPrefixSpace(_ list: StepList, configured: Bool?) throws {
        let own = try list.steps.last?.object.bool("add_prefix_space") ?? true
        addsPrefixSpace = list.steps.count == 1 ? configured ?? own : own
        // After another step each of its pieces would get a space.
        if addsPrefixSpace, list.steps.count > 1 {
            throw TokenizerFileError.unsupported(
                file: file, what: "add_prefix_space", found: "after another pre-tokenizer")
        }
    }

    private static func metaspace(_ step: StepList.Step, _ file: String) throws -> Vocabulary.PreTokenizer {
        let replacement = try step.object.bytes("replacement") ?? Array("\u{2581}".utf8)
        guard replacement == Array("\u{2581}".utf8) else {
            throw TokenizerFileError.unsupported(
                file: file, what: "metaspace replacement", found: TokenizerFiles.quote(replacement))
        }
        // Files older than prepend_scheme say add_prefix_space.
        let fallback = try step.object.bool("add_prefix_space") ?? true ? "always" : "never"
        let name = try step.object.bytes("prepend_scheme").map { String(decoding: $0, as: UTF8.self) } ?? fallback
        let schemes: [String: Vocabulary.PrefixScheme] = ["always": .always, "first": .first, "never": .never]
        guard let scheme = schemes[name] else {
            throw TokenizerFileError.unsupported(file: file, what: "metaspace prepend_scheme", found: name)
        }
        return .metaspace(prefix: scheme, splits: try step.object.bool("split") ?? true)
    }

    private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    private static let words = #"|[^\r\n\p{L}\p{N}]?\p{L}+"#
    private static let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let patterns: [(text: String, kind: Vocabulary.PreTokenizer)] = [
        (#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#, .gpt2),
        (contractions + words + #"|\p{N}{1,3}"# + rest, .llama3),
        (contractions + words + #"|\p{N}"# + rest, .qwen2),
    ]

    /// Only patterns known to the letter: no regular expression is ever run.
    private static func pattern(_ step: StepList.Step, _ file: String) throws -> Vocabulary.PreTokenizer {
        let behavior = try step.object.bytes("behavior") ?? []
        guard case .object(let pattern)? = step.object["pattern"], let text = try pattern.bytes("Regex"),
            behavior == Array("Isolated".utf8), try step.object.bool("invert") ?? false == false,
            let known = patterns.first(where: { Array($0.text.utf8) == text })
        else {
            var found = "Split"
            if case .object(let pattern)? = step.object["pattern"], let value = pattern.entries.first?.value,
                case .string(let text) = value
            {
                found = "Split " + TokenizerFiles.quote(text)
            }
            throw TokenizerFileError.unsupported(file: file, what: "pre_tokenizer pattern", found: found)
        }
        return known.kind
    }

    private mutating func readDecoders(_ list: StepList) throws {
        let types = list.steps.map(\.type)
        if types == ["ByteLevel"], isByteLevel { return }
        guard !isByteLevel, types.starts(with: ["Replace", "ByteFallback", "Fuse"]), types.count <= 4 else {
            let found = types.isEmpty ? "null" : types.joined(separator: " + ")
            throw TokenizerFileError.unsupported(file: file, what: "decoder", found: found)
        }
        let (pattern, content) = try list.steps[0].replacement(file)
        guard pattern == Array("\u{2581}".utf8), content == [UInt8(ascii: " ")] else {
            throw list.unsupported(list.steps[0])
        }
        decoder = .sentencePiece(.keep)
        if types.count == 4 {
            let strip = list.steps[3]
            let start = try strip.object.integer("start") ?? 0
            guard strip.type == "Strip", try strip.object.bytes("content") == [UInt8(ascii: " ")],
                try strip.object.integer("stop") ?? 0 == 0, let count = UInt8(exactly: start)
            else { throw list.unsupported(strip) }
            decoder = .sentencePiece(.dropFromText(count: count))
        }
    }
}

/// One step or a Sequence of them.
struct StepList {
    struct Step {
        let type: String
        let object: JSONObject

        /// Pattern and content of a Replace step.
        func replacement(_ file: String) throws -> (pattern: [UInt8], content: [UInt8]) {
            guard case .object(let pattern)? = object["pattern"], let text = try pattern.bytes("String") else {
                throw TokenizerFileError.unsupported(file: file, what: "Replace pattern", found: "Regex")
            }
            return (text, try object.required("content", object.bytes))
        }
    }

    let steps: [Step]
    private let key: String
    private let file: String

    /// Sequences may stand in sequences; the JSON reader limits the depth.
    init(_ root: JSONObject, _ key: String, members: String, file: String) throws {
        self.key = key
        self.file = file
        var waiting = try root.object(key).map { [$0] } ?? []
        var steps: [Step] = []
        while let object = waiting.popLast() {
            let type = String(decoding: try object.required("type", object.bytes), as: UTF8.self)
            if type != "Sequence" {
                steps.append(Step(type: type, object: object))
                continue
            }
            for value in try object.required(members, object.array).reversed() {
                guard case .object(let member) = value else {
                    throw TokenizerFileError.wrongType(file: file, key: members, wanted: "objects", found: value.kind)
                }
                waiting.append(member)
            }
        }
        self.steps = steps
    }

    func unsupported(_ step: Step) -> TokenizerFileError {
        .unsupported(file: file, what: key, found: quoted(step.type))
    }
}

/// The ids that a post-processor puts before and after the text.
struct PostProcessor {
    private(set) var ids: (prefix: [Int32], suffix: [Int32]) = ([], [])

    init(_ root: JSONObject, file: String) throws {
        let list = try StepList(root, "post_processor", members: "processors", file: file)
        for step in list.steps {
            switch step.type {
            case "ByteLevel": break
            case "TemplateProcessing": try readTemplate(step.object, file)
            default: throw list.unsupported(step)
            }
        }
    }

    private mutating func readTemplate(_ object: JSONObject, _ file: String) throws {
        let tokens = try object.required("special_tokens", object.object)
        var prefix: [Int32] = []
        var suffix: [Int32] = []
        var isAfterText = false
        for value in try object.required("single", object.array) {
            guard case .object(let item) = value else {
                throw TokenizerFileError.wrongType(file: file, key: "single", wanted: "objects", found: value.kind)
            }
            if let special = try item.object("SpecialToken") {
                let found = try Self.ids(try special.required("id", special.bytes), tokens, file)
                // A template may name one long list of ids many times, and there may be many templates.
                let count = ids.prefix.count + ids.suffix.count + prefix.count + suffix.count + found.count
                guard count <= Vocabulary.surroundingIDLimit else {
                    throw TokenizerFileError.vocabulary(
                        file: file, .surroundingIDCount(found: count, limit: Vocabulary.surroundingIDLimit))
                }
                if isAfterText { suffix += found } else { prefix += found }
            } else if item["Sequence"] != nil, !isAfterText {
                isAfterText = true
            } else {
                throw TokenizerFileError.unsupported(
                    file: file, what: "post_processor", found: "template that is not prefix, text, suffix")
            }
        }
        guard isAfterText else {
            throw TokenizerFileError.unsupported(file: file, what: "post_processor", found: "template without text")
        }
        // Steps apply in order: a later one goes around what is there.
        ids = (prefix + ids.prefix, ids.suffix + suffix)
    }

    private static func ids(_ name: [UInt8], _ tokens: JSONObject, _ file: String) throws -> [Int32] {
        guard case .object(let token)? = tokens.value(for: name) else {
            throw TokenizerFileError.unknownToken(
                file: file, what: "post_processor's token", token: TokenizerFiles.quote(name))
        }
        return try token.required("ids", token.array).map { value in
            guard case .integer(let id) = value, let narrow = Int32(exactly: id) else {
                throw TokenizerFileError.wrongType(file: file, key: "ids", wanted: "integers", found: value.kind)
            }
            return narrow
        }
    }
}
