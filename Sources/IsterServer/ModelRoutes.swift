import Hummingbird
import IsterGenerator
import IsterTokenizer

extension API {
    func modelList() -> Response {
        Response(["object": "list", "data": [modelJSON]])
    }

    func model(_ id: String) throws(APIError) -> Response {
        guard id == model.id || id.removingPercentEncoding == model.id else { throw .modelNotFound(id) }
        return Response(modelJSON)
    }

    /// `meta` as llama.cpp tells it, `max_model_len` as vLLM does.
    private var modelJSON: JSONValue {
        [
            "id": .string(model.id), "object": "model", "created": .integer(model.created), "owned_by": "ister",
            "max_model_len": .integer(generator.contextLength),
            "meta": [
                "n_vocab": .integer(model.tokenizer.vocabularySize), "n_ctx": .integer(generator.contextLength),
                "n_ctx_train": .integer(model.trainedContextLength), "n_params": .integer(model.parameterCount),
                "size": .integer(model.fileBytes),
            ],
        ]
    }
}

extension String {
    /// nil where a `%` is not followed by two digits or the bytes are no UTF-8.
    var removingPercentEncoding: String? {
        var bytes: [UInt8] = []
        var rest = Array(utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, digits.first != "+", let value = UInt8(digits, radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
