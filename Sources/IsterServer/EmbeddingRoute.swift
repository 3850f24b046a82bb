import Hummingbird
import IsterGenerator

/// An embeddings request, ready for the generator.
struct EmbeddingRequest: Sendable {
    enum Encoding: String {
        case float, base64
    }

    var encoding: Encoding
    var requests: [GenerationRequest]

    /// Runs off the event loop: parses and encodes.
    init(_ bytes: [UInt8], api: API, client: ClientIdentity, deadline: ContinuousClock.Instant) throws {
        let object = try API.object(bytes)
        let table = try FieldTable.embeddings.check(object, isLenient: api.options.isLenient)
        try api.requireModel(table)
        let name = table.string("encoding_format") ?? "float"
        guard let encoding = Encoding(rawValue: name) else {
            throw APIError.invalidValue("encoding_format", "expected 'float' or 'base64', but got '\(name.shortened)'.")
        }
        self.encoding = encoding
        if let wanted = table.integer("dimensions"), wanted != api.model.hiddenWidth {
            throw APIError.unsupportedValue("dimensions", "\(api.model.hiddenWidth)")
        }
        requests = []
        for prompt in try api.prompts(table["input"] ?? .null, field: "input", isText: false) {
            guard prompt.ids.count <= api.budget.contextLength else {
                throw APIError.contextExceeded(
                    tokens: prompt.ids.count, contextLength: api.budget.contextLength, parameter: "input")
            }
            var request = GenerationRequest(prompt: prompt.ids, maximumNewTokens: 0)
            request.embeds = true
            request.client = client.name
            request.priority = table.integer("priority") ?? 0
            request.cachePartition = GenerationFields.cachePartition(table, client)
            request.deadline = deadline
            requests.append(request)
        }
    }
}

extension API {
    func embeddings(_ request: Request, _ context: ServerContext) async throws -> Response {
        let client = identity(of: context)
        let embedding = try await prepare(request, context, generates: true) { bytes, deadline in
            try EmbeddingRequest(bytes, api: self, client: client, deadline: deadline)
        }
        let batch = try await start(embedding.requests, context, promptField: "input")
        let choices = try await batch.collect(promptField: "input")
        return try await response(context) { try embeddingAnswer(embedding, choices) }
    }

    private func embeddingAnswer(_ request: EmbeddingRequest, _ choices: [ChoiceEvents]) throws -> JSONValue {
        var usage = Usage()
        var data: [JSONValue] = []
        for (index, choice) in choices.enumerated() {
            guard let values = choice.embedding, let summary = choice.summary else { throw APIError.internalError }
            usage.add(summary, countsPrompt: true)
            let told: JSONValue =
                switch request.encoding {
                case .float: .array(values.map { .single($0) })
                case .base64: .string(Base64.encode(values))
                }
            data.append(["object": "embedding", "index": .integer(index), "embedding": told])
        }
        return ["object": "list", "data": .array(data), "model": .string(model.id), "usage": usage.embeddingJSON]
    }
}

enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The floats' bytes, little-endian.
    static func encode(_ values: [Float]) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * 4)
        for value in values {
            for shift in stride(from: UInt32(0), to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
            }
        }
        return encode(bytes)
    }

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for byte in group { bits = bits << 8 | UInt32(byte) }
            bits <<= UInt32(8 * (3 - group.count))
            for position in 0..<4 {
                let isPadding = position > group.count
                text.append(isPadding ? UInt8(ascii: "=") : alphabet[Int(bits >> UInt32(18 - 6 * position) & 63)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
