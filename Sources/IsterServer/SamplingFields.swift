import IsterGenerator
import IsterTokenizer

/// What the endpoints that generate text have in common, read from a request.
struct GenerationFields: Sendable {
    var choiceCount: Int
    var stream: Bool
    /// nil: no chunk with usage at the end, and no `usage` in the others.
    var streamsUsage: Bool
    /// Everything but the prompt, the number of tokens and the seed of a choice.
    var template: GenerationRequest
    var seed: UInt64

    /// The request of one choice.
    func request(prompt: [Int32], maximumNewTokens: Int, choice: Int) -> GenerationRequest {
        var request = template
        request.prompt = prompt
        request.maximumNewTokens = maximumNewTokens
        request.repeatsPrompt = choice > 0
        if case .random(let temperature, _, let filters) = request.sampling {
            request.sampling = .random(
                temperature: temperature, seed: seed &+ UInt64(choice), filters: filters)
        }
        return request
    }
}

extension GenerationFields {
    init(_ fields: Fields, model: ServedModel, client: ClientIdentity, isLenient: Bool) throws(APIError) {
        choiceCount = fields.integer("n") ?? 1
        stream = fields.boolean("stream") ?? false
        streamsUsage = false
        if let options = fields.object("stream_options") {
            guard stream else { throw .invalidValue("stream_options", "it is only allowed when 'stream' is true.") }
            let inner = try FieldTable.streamOptions.check(options, isLenient: isLenient, path: "stream_options.")
            streamsUsage = inner.boolean("include_usage") ?? false
        }
        seed = fields.integer("seed").map { UInt64(bitPattern: Int64($0)) } ?? UInt64.random(in: 0...UInt64.max)
        template = GenerationRequest(prompt: [], maximumNewTokens: 0)
        template.sampling = Self.sampling(fields, model.defaults)
        template.penalties = try Self.penalties(fields, model.defaults)
        template.stopStrings = try Self.stopStrings(fields["stop"])
        template.endTokens = try Self.endTokens(fields, model)
        template.logitBias = try Self.logitBias(fields.object("logit_bias"), model.tokenizer.vocabularySize)
        template.client = client.name
        template.priority = fields.integer("priority") ?? 0
        template.cachePartition = Self.cachePartition(fields, client)
    }

    /// A salt parts the caches of one client's own users; `prompt_cache_key` only groups requests for a balancer.
    static func cachePartition(_ fields: Fields, _ client: ClientIdentity) -> String {
        // The length keeps a partition with a salt from being another client's partition.
        let own = "\(client.cachePartition.utf8.count):\(client.cachePartition)"
        guard let salt = fields.string("cache_salt"), !salt.isEmpty else { return own }
        return "\(own):\(salt)"
    }

    /// The request's own settings, else those that the model's makers gave, else OpenAI's.
    private static func sampling(_ fields: Fields, _ defaults: SamplingDefaults) -> Sampling {
        let temperature = fields.number("temperature") ?? defaults.temperature ?? 1
        if temperature <= 0 { return .greedy }
        var filters = SamplingFilters()
        if let topK = fields.integer("top_k") ?? defaults.topK, topK > 0 { filters.topK = topK }
        if let topP = fields.number("top_p") ?? defaults.topP, topP < 1 { filters.topP = topP }
        if let minP = fields.number("min_p") ?? defaults.minP, minP > 0 { filters.minP = minP }
        return .random(temperature: temperature, seed: 0, filters: filters)
    }

    private static func penalties(_ fields: Fields, _ defaults: SamplingDefaults) throws(APIError) -> Penalties {
        let names = ["repetition_penalty", "repeat_penalty"]
        let given = names.compactMap { fields.number($0) }
        guard Set(given).count <= 1 else {
            throw .invalidValue("repeat_penalty", "it differs from 'repetition_penalty'.")
        }
        return Penalties(
            repetition: given.first ?? defaults.repetitionPenalty ?? 1,
            frequency: fields.number("frequency_penalty") ?? 0, presence: fields.number("presence_penalty") ?? 0)
    }

    private static func stopStrings(_ value: JSONValue?) throws(APIError) -> [String] {
        let values: [JSONValue]
        switch value {
        case nil: return []
        case .string: values = [value ?? .null]
        case .array(let list): values = list
        case .some(let other): throw .wrongType("stop", "a string or an array of strings", other)
        }
        guard values.count <= APILimits.stopCount else {
            throw .invalidValue(
                "stop", "array too long. Expected at most \(APILimits.stopCount) items, but got \(values.count).",
                code: "array_above_max_length")
        }
        var stops: [String] = []
        for (index, value) in values.enumerated() {
            let path = values.count == 1 ? "stop" : "stop[\(index)]"
            guard case .string(let text) = value else { throw .wrongType(path, "a string", value) }
            guard text.utf8.count <= APILimits.stopBytes else {
                throw .invalidValue(
                    path, "string too long. Expected at most \(APILimits.stopBytes) bytes, but got \(text.utf8.count).",
                    code: "string_above_max_length")
            }
            if !text.isEmpty { stops.append(text) }
        }
        return stops
    }

    private static func endTokens(_ fields: Fields, _ model: ServedModel) throws(APIError) -> Set<Int32> {
        var ends = fields.boolean("ignore_eos") == true ? [] : model.endTokens
        guard let list = fields.array("stop_token_ids") else { return ends }
        let ids = try TokenIDs.read(list, path: "stop_token_ids", vocabularySize: model.tokenizer.vocabularySize)
        ends.formUnion(ids)
        return ends
    }

    private static func logitBias(
        _ object: JSONObject?, _ vocabularySize: Int
    ) throws(APIError) -> [Int32: Float] {
        guard let object else { return [:] }
        guard object.members.count <= APILimits.logitBiasCount else {
            throw .invalidValue(
                "logit_bias",
                "too many entries. Expected at most \(APILimits.logitBiasCount), but got "
                    + "\(object.members.count).", code: "object_above_max_length")
        }
        var biases: [Int32: Float] = [:]
        for member in object.members {
            let path = "logit_bias.\(member.key.shortened)"
            guard let id = Int32(member.key), id >= 0, Int(id) < vocabularySize else {
                throw .invalidValue(path, "the key must be a token id from 0 to \(vocabularySize - 1).")
            }
            try FieldTable.checkNumber(member.value, -100...100, path)
            biases[id] = Float(member.value.double ?? 0)
        }
        return biases
    }
}

/// Arrays of token ids.
enum TokenIDs {
    static func read(_ list: [JSONValue], path: String, vocabularySize: Int) throws(APIError) -> [Int32] {
        var ids: [Int32] = []
        ids.reserveCapacity(list.count)
        for (index, value) in list.enumerated() {
            guard case .integer(let id) = value else { throw .wrongType("\(path)[\(index)]", "an integer", value) }
            guard id >= 0, id < vocabularySize, let id = Int32(exactly: id) else {
                throw .invalidValue(
                    "\(path)[\(index)]",
                    "token id \(id) is out of range; the vocabulary has ids 0 to "
                        + "\(vocabularySize - 1).")
            }
            ids.append(id)
        }
        return ids
    }
}
