import Hummingbird
import IsterGenerator
import IsterTokenizer

extension API {
    /// Both llama.cpp's request (`content`, without special tokens unless told) and vLLM's (`prompt`, with them).
    func tokenize(_ request: Request, _ context: ServerContext) async throws -> Response {
        let bytes = try await body(of: request)
        return Response(try await offLoop { try tokenizeAnswer(bytes) })
    }

    private func tokenizeAnswer(_ bytes: [UInt8]) throws(APIError) -> JSONValue {
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
        var tokens: [JSONValue] = ids.map { .integer(Int($0)) }
        if fields.boolean("with_pieces") == true {
            tokens = ids.map { ["id": .integer(Int($0)), "piece": piece($0)] }
        }
        return [
            "tokens": .array(tokens), "count": .integer(ids.count), "max_model_len": .integer(generator.contextLength),
        ]
    }

    /// A text, or bytes where it is part of a character.
    private func piece(_ id: Int32) -> JSONValue {
        let bytes = model.tokenizer.textBytes(id)
        return String(validating: bytes, as: UTF8.self).map { .string($0) }
            ?? .array(bytes.map { .integer(Int($0)) })
    }

    func detokenize(_ request: Request, _ context: ServerContext) async throws -> Response {
        let bytes = try await body(of: request)
        return Response(
            try await offLoop {
                let fields = try FieldTable.detokenize.check(try Self.object(bytes), isLenient: options.isLenient)
                try requireModel(fields)
                let ids = try TokenIDs.read(
                    fields.array("tokens") ?? [], path: "tokens", vocabularySize: model.tokenizer.vocabularySize)
                let text = String(decoding: model.tokenizer.decode(ids, skipSpecial: false), as: UTF8.self)
                return ["content": .string(text), "prompt": .string(text)] as JSONValue
            })
    }

    /// The text that a chat request would give the model.
    func applyTemplate(_ request: Request, _ context: ServerContext) async throws -> Response {
        let bytes = try await body(of: request)
        return Response(
            try await offLoop {
                let isLenient = options.isLenient
                let fields = try FieldTable.applyTemplate.check(try Self.object(bytes), isLenient: isLenient)
                try requireModel(fields)
                let messages = try ChatMessages.read(fields.array("messages") ?? [], isLenient: isLenient)
                let prompt = try chatPrompt(
                    messages, tools: fields.array("tools"),
                    addsGenerationPrompt: fields.boolean("add_generation_prompt") ?? true,
                    variables: try ChatMessages.variables(fields.object("chat_template_kwargs")))
                return ["prompt": .string(prompt.text)] as JSONValue
            })
    }
}
