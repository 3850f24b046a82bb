/// Bounds of requests that are not numbers of one field.
enum APILimits {
    static let choiceCount = 4
    static let promptCount = 32
    static let messageCount = 2048
    static let stopCount = 4
    static let stopBytes = 256
    static let logitBiasCount = 300
    static let topLogprobCount = 20
    /// Of a text for /tokenize, which has no context to bound it.
    static let tokenizeBytes = 1 << 20
    static let defaultOutputTokens = 4096
    /// Requests that are read or prepared at once: half of the connections that a server takes unless told. A few
    /// clients can take them all, those who send slowly for a minute: clients who have little may take a quarter more.
    static let preparationCount = 256
    /// Bytes of their bodies, and of large whole answers on their way: each an eighth of the GiB that a process should
    /// have beside the model and the cache. Here, too, there is a quarter more for clients who have little.
    static let preparationBytes = 128 << 20
    static let answerBytes = 128 << 20
    /// What such a client has at most.
    static let smallClientCount = 4
    static let smallClientBytes = 1 << 20
    /// Of a large answer, what is written at once. Up to this size an answer is not large.
    static let pieceBytes = 64 << 10
    /// Scores of one answer, tokens times (`logprobs` + 1). Each takes about 100 bytes until it is sent.
    static let scoreCount = 1 << 18
    /// Tokens of an echoed prompt whose scores are told at once: about as many bytes as `pieceBytes` with `logprobs` of
    /// 10.
    static let echoedScoreCount = 64
}

extension FieldTable {
    static let chat = FieldTable(
        generation + [
            Field("messages", .array),
            Field("max_completion_tokens", .integer(1...Int.max)),
            Field("max_tokens", .integer(1...Int.max)),
            Field("logprobs", .boolean),
            Field("top_logprobs", .integer(0...APILimits.topLogprobCount)),
            Field("add_generation_prompt", .boolean),
            Field("chat_template_kwargs", .object),
            Field("response_format", .object),
            Field("tools", .array), Field("tool_choice", .any), Field("parallel_tool_calls", .boolean),
            Field("functions", .inert({ $0 == [] }, only: "an empty array")),
            Field("function_call", .only(["none", "auto"])),
            Field("modalities", .only([["text"]])),
            Field("verbosity", .only(["medium"])),
            Field("continue_final_message", .only([false])),
            Field("echo", .only([false])),
            Field("audio", .unsupported), Field("prediction", .unsupported), Field("reasoning_effort", .unsupported),
            Field("web_search_options", .unsupported), Field("moderation", .unsupported),
            Field("chat_template", .unsupported), Field("documents", .unsupported), Field("best_of", .unsupported),
        ], required: ["model", "messages"])

    static let completions = FieldTable(
        generation + [
            Field("prompt", .any),
            Field("max_tokens", .integer(0...Int.max)),
            Field("logprobs", .integer(0...APILimits.topLogprobCount)),
            Field("echo", .boolean),
            Field("best_of", .integer(1...APILimits.choiceCount)),
            Field("suffix", .inert({ $0 == "" }, only: "an empty text")),
            Field("response_format", .object),
        ], required: ["model", "prompt"])

    static let embeddings = FieldTable(
        common + [
            Field("input", .any),
            Field("encoding_format", .string(byteLimit: 16)),
            Field("dimensions", .integer(1...Int.max)),
        ], required: ["model", "input"])

    /// The forms of llama.cpp (`content`) and vLLM (`prompt`).
    static let tokenize = FieldTable(
        [
            Field("model", .string(byteLimit: 256)),
            Field("content", .string(byteLimit: APILimits.tokenizeBytes)),
            Field("prompt", .string(byteLimit: APILimits.tokenizeBytes)),
            Field("add_special", .boolean), Field("add_special_tokens", .boolean), Field("parse_special", .boolean),
            Field("with_pieces", .boolean),
        ], required: [])

    static let detokenize = FieldTable(
        [Field("model", .string(byteLimit: 256)), Field("tokens", .array)], required: ["tokens"])

    static let applyTemplate = FieldTable(
        [
            Field("model", .string(byteLimit: 256)), Field("messages", .array), Field("tools", .array),
            Field("add_generation_prompt", .boolean), Field("chat_template_kwargs", .object),
            Field("chat_template", .unsupported),
        ], required: ["messages"])

    static let streamOptions = FieldTable(
        [Field("include_usage", .boolean), Field("include_obfuscation", .only([false]))], required: [])

    private static let common: [Field] = [
        Field("model", .string(byteLimit: 256)),
        Field("user", .anyString),
        Field("safety_identifier", .anyString),
        Field("metadata", .inert({ if case .object = $0 { true } else { false } }, only: "an object")),
        Field("priority", .integer(-1_000_000...1_000_000)),
        Field("prompt_cache_key", .string(byteLimit: 256)),
        Field("cache_salt", .string(byteLimit: 256)),
    ]

    private static let generation: [Field] =
        common + [
            Field("temperature", .number(0...2)), Field("top_p", .number(0...1)), Field("min_p", .number(0...1)),
            // 0 and -1 turn it off, as in llama.cpp and vLLM.
            Field("top_k", .integer(-1...Int(Int32.max))),
            Field("frequency_penalty", .number(-2...2)), Field("presence_penalty", .number(-2...2)),
            Field("repetition_penalty", .number(0.001...1000)), Field("repeat_penalty", .number(0.001...1000)),
            Field("logit_bias", .object), Field("seed", .integer(Int.min...Int.max)),
            Field("n", .integer(1...APILimits.choiceCount)), Field("stop", .any), Field("stop_token_ids", .array),
            Field("ignore_eos", .boolean), Field("stream", .boolean), Field("stream_options", .object),
            Field("store", .only([false])), Field("service_tier", .only(["auto", "default"])),
            Field("prompt_cache_retention", .only(["in-memory", "in_memory"])), Field("cache_prompt", .only([true])),
            Field("skip_special_tokens", .only([true])), Field("return_progress", .only([false])),
            Field("timings_per_token", .only([false])), Field("use_beam_search", .only([false])),
            Field("typical_p", .only([1])), Field("mirostat", .only([0])), Field("dry_multiplier", .only([0])),
            Field("xtc_probability", .only([0])), Field("min_tokens", .only([0])), Field("min_keep", .only([0])),
            Field("grammar", .unsupported), Field("json_schema", .unsupported), Field("guided_json", .unsupported),
            Field("guided_regex", .unsupported), Field("guided_choice", .unsupported),
            Field("guided_grammar", .unsupported), Field("structured_outputs", .unsupported),
            Field("samplers", .unsupported), Field("prompt_logprobs", .unsupported), Field("lora", .unsupported),
        ]
}

extension Field.Rule {
    static let anyString = Field.Rule.inert(
        {
            if case .string(let text) = $0 { text.utf8.count <= 4096 } else { false }
        }, only: "a string of at most 4096 bytes")

    static let anyBoolean = Field.Rule.inert({ if case .bool = $0 { true } else { false } }, only: "a boolean")

    static func only(_ values: [JSONValue]) -> Field.Rule {
        let names = values.map { String(decoding: $0.line, as: UTF8.self) }.joined(separator: " or ")
        return .inert(
            { value in values.contains { $0 == value || $0.double == value.double && value.double != nil } },
            only: names)
    }
}
