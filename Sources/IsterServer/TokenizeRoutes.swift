import Hummingbird
import IsterGenerator
import IsterTokenizer
import NIOCore

extension API {
    /// Both llama.cpp's request (`content`, without special tokens unless told) and vLLM's (`prompt`, with them).
    func tokenize(_ request: Request, _ context: ServerContext) async throws -> Response {
        try response(
            context,
            json: await prepare(request, context, generates: false) { bytes, _ in
                ByteBuffer(bytes: try tokenizeAnswer(bytes))
            })
    }

    private func tokenizeAnswer(_ bytes: [UInt8]) throws(APIError) -> [UInt8] {
        let fields = try FieldTable.tokenize.check(try Self.object(bytes), isLenient: options.isLenient)
        try requireModel(fields)
        let text: String
        switch (fields.string("content"), fields.string("prompt")) {
        case (let content?, nil): text = content
        case (nil, let prompt?): text = prompt
        case (nil, nil): throw .missing("content")
        case (_?, _?): throw .invalidValue("prompt", "only one of 'content' and 'prompt' can be given.")
        }
        let addSpecial =
            fields.boolean("add_special") ?? fields.boolean("add_special_tokens") ?? (fields["prompt"] != nil)
        let ids = model.tokenizer.encode(
            text, addSpecial: addSpecial, parseSpecial: fields.boolean("parse_special") ?? true)
        return tokenList(ids, withPieces: fields.boolean("with_pieces") == true)
    }

    /// The answer as JSON, token by token: a text of 1 MiB can have a million, whose values would take far more memory
    /// than their bytes.
    private func tokenList(_ ids: [Int32], withPieces: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64 + ids.count * (withPieces ? 32 : 8))
        bytes += "{\"tokens\":[".utf8
        for (index, id) in ids.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            let token: JSONValue = .integer(Int(id))
            (withPieces ? ["id": token, "piece": piece(id)] : token).write(to: &bytes)
        }
        bytes += "],\"count\":\(ids.count),\"max_model_len\":\(generator.contextLength)}".utf8
        return bytes
    }

    /// A text, or bytes where it is part of a character.
    private func piece(_ id: Int32) -> JSONValue {
        let bytes = model.tokenizer.textBytes(id)
        return String(validating: bytes, as: UTF8.self).map { .string($0) }
            ?? .array(bytes.map { .integer(Int($0)) })
    }

    func detokenize(_ request: Request, _ context: ServerContext) async throws -> Response {
        try response(
            context,
            json: await prepare(request, context, generates: false) { bytes, _ in
                ByteBuffer(bytes: try detokenizeAnswer(bytes).line)
            })
    }

    private func detokenizeAnswer(_ bytes: [UInt8]) throws(APIError) -> JSONValue {
        let fields = try FieldTable.detokenize.check(try Self.object(bytes), isLenient: options.isLenient)
        try requireModel(fields)
        let list = fields.array("tokens") ?? []
        // An id of a few bytes can stand for a text of a hundred.
        guard list.count <= generator.contextLength else {
            throw .invalidValue(
                "tokens",
                "array too long. Expected at most \(generator.contextLength) ids, which is this model's maximum "
                    + "context length, but got \(list.count).", code: "array_above_max_length")
        }
        let ids = try TokenIDs.read(list, path: "tokens", vocabularySize: model.tokenizer.vocabularySize)
        let text = String(decoding: model.tokenizer.decode(ids, skipSpecial: false), as: UTF8.self)
        return ["content": .string(text), "prompt": .string(text)]
    }

    /// The text that a chat request would give the model.
    func applyTemplate(_ request: Request, _ context: ServerContext) async throws -> Response {
        try response(
            context,
            json: await prepare(request, context, generates: false) { bytes, _ in
                ByteBuffer(bytes: try templateAnswer(bytes).line)
            })
    }

    private func templateAnswer(_ bytes: [UInt8]) throws(APIError) -> JSONValue {
        let isLenient = options.isLenient
        var budget = JSONBudget()
        let fields = try FieldTable.applyTemplate.check(try Self.object(bytes, &budget), isLenient: isLenient)
        try requireModel(fields)
        let messages = try ChatMessages.read(fields.array("messages") ?? [], isLenient: isLenient, budget: &budget)
        let prompt = try chatPrompt(
            messages, tools: fields.array("tools"),
            addsGenerationPrompt: fields.boolean("add_generation_prompt") ?? true,
            variables: try ChatMessages.variables(fields.object("chat_template_kwargs")))
        return ["prompt": .string(prompt.text)]
    }
}
