import IsterModelFile

/// What `inspect` tells of a file.
struct ModelDescription {
    private let file: ModelFile
    private let header: ModelHeader

    init(_ file: ModelFile) {
        self.file = file
        header = file.header
    }

    var json: JSONText {
        .object([
            ("format_version", .integer(header.formatVersion)),
            ("file", .string(file.path)),
            ("bytes", .integer(file.fileBytes)),
            ("parameters", .integer(file.parameterCount)),
            ("bits_per_weight", .number(file.bitsPerWeight)),
            ("shape", header.shape.json),
            ("tensors", .array(header.tensors.map(Self.json))),
            (
                "tokenizer",
                .object([
                    ("bytes", .integer(header.tokenizer.length)), ("sha256", .string(header.tokenizer.sha256)),
                ])
            ),
            ("chat_template", .optional(header.chatTemplate)),
            ("generation_defaults", header.generationDefaults.json),
            ("provenance", header.provenance.json),
            ("certificate", certificate),
        ])
    }

    private static func json(_ tensor: ModelHeader.TensorEntry) -> JSONText {
        .object([
            ("name", .string(tensor.name)),
            ("format", .string(tensor.format)),
            ("shape", .array(shape(tensor).map(JSONText.integer))),
            ("bytes", .integer(tensor.length)),
            ("sha256", .string(tensor.sha256)),
        ])
    }

    /// A vector has one dimension, a matrix rows and columns.
    private static func shape(_ tensor: ModelHeader.TensorEntry) -> [Int] {
        WeightFormat(rawValue: tensor.format) == .vector ? [tensor.columns] : [tensor.rows, tensor.columns]
    }

    private var certificate: JSONText {
        guard let certificate = header.certificate else { return .null }
        let errors = header.tensors.compactMap { tensor in
            certificate.tensorErrors[tensor.name].map { (tensor.name, JSONText.number($0)) }
        }
        return .object([("tensor_errors", .object(errors)), ("quality", certificate.quality?.json ?? .null)])
    }

    var table: String {
        var lines = [
            "file             \(file.path)",
            "format version   \(header.formatVersion)",
            "size             \(binarySize(file.fileBytes)) (\(file.fileBytes) bytes)",
            "parameters       \(file.parameterCount)",
            "bits per weight  \(decimals(file.bitsPerWeight, 3))",
            "recipe           \(header.provenance.recipe), made by Ister \(header.provenance.toolVersion)",
            "architecture     \(header.provenance.sourceArchitecture)",
        ]
        lines += header.provenance.sourceFiles.map { "source           \($0.name) \($0.sha256.prefix(16))…" }
        lines += header.provenance.calibration.map { ["calibration      \($0.summary)"] } ?? []
        lines += header.shape.lines
        lines += header.certificate?.quality?.lines(header.provenance.calibration) ?? []
        lines.append("")
        let nameWidth = header.tensors.map(\.name.count).max() ?? 0
        for tensor in header.tensors {
            let shape = Self.shape(tensor).map(String.init).joined(separator: " x ")
            let error = header.certificate?.tensorErrors[tensor.name]
            lines.append(
                [
                    padded(tensor.name, nameWidth), padded(tensor.format, 6), padded(shape, 16),
                    padded(binarySize(tensor.length), 11), error.map { "error \(decimals(100 * $0, 4))%" } ?? "",
                ].joined(separator: " ").trimmingSpaces())
        }
        return lines.map(\.printable).joined(separator: "\n") + "\n"
    }
}

extension ModelHeader.GenerationDefaults {
    var json: JSONText {
        .object([
            ("eos_token_ids", .array(eosTokenIDs.map(JSONText.integer))),
            ("bos_token_id", .optional(bosTokenID)),
            ("pad_token_id", .optional(padTokenID)),
            ("do_sample", .optional(doSample)),
            ("temperature", .optional(temperature)),
            ("top_k", .optional(topK)),
            ("top_p", .optional(topP)),
            ("min_p", .optional(minP)),
            ("repetition_penalty", .optional(repetitionPenalty)),
            ("max_new_tokens", .optional(maxNewTokens)),
        ])
    }
}

extension Provenance {
    var json: JSONText {
        .object([
            ("tool_version", .string(toolVersion)),
            ("recipe", .string(recipe)),
            ("source_architecture", .string(sourceArchitecture)),
            (
                "source_files",
                .array(
                    sourceFiles.map { file in
                        .object([
                            ("name", .string(file.name)), ("bytes", .integer(file.bytes)),
                            ("sha256", .string(file.sha256)),
                        ])
                    })
            ),
            ("unknown_keys", .array(unknownKeys.map(JSONText.string))),
            ("calibration", calibration?.json ?? .null),
        ])
    }
}

extension Provenance.Calibration {
    var json: JSONText {
        .object([
            ("method", .string(method)), ("text_sha256", .optional(sha256)), ("tokens", .integer(tokens)),
            ("own_tokens", .integer(ownTokens ?? 0)),
        ])
    }

    var summary: String {
        let text = sha256.map { ["\(tokens) tokens of text \($0.prefix(16))…"] } ?? []
        let own = ownTokens.map { ["\($0) tokens of the model's own text"] } ?? []
        return method + ", " + (text + own).joined(separator: " and ")
    }
}
