public import IsterTokenizer

/// What the server knows of its model: enough to translate between the API's JSON and the generator.
public struct ServedModel: Sendable {
    /// The name that requests give as `model`.
    public var id: String
    /// Seconds since 1970: when the file was made.
    public var created: Int
    public var tokenizer: Tokenizer
    /// nil: the model has none, so chat requests are refused.
    public var chatTemplate: String?
    /// Tokens that end an answer.
    public var endTokens: Set<Int32>
    /// Defaults that the model's makers gave; a request's own settings win.
    public var defaults: SamplingDefaults
    /// Told by /v1/models: parameters, bytes of the file, trained context.
    public var parameterCount: Int
    public var fileBytes: Int
    public var trainedContextLength: Int
    /// Elements of an embedding.
    public var hiddenWidth: Int

    public init(
        id: String, created: Int, tokenizer: Tokenizer, chatTemplate: String?, endTokens: Set<Int32>,
        defaults: SamplingDefaults, parameterCount: Int, fileBytes: Int, trainedContextLength: Int,
        hiddenWidth: Int
    ) {
        self.id = id
        self.created = created
        self.tokenizer = tokenizer
        self.chatTemplate = chatTemplate
        self.endTokens = endTokens
        self.defaults = defaults
        self.parameterCount = parameterCount
        self.fileBytes = fileBytes
        self.trainedContextLength = trainedContextLength
        self.hiddenWidth = hiddenWidth
    }
}

/// Sampling settings where the request names none; nil: OpenAI's default.
public struct SamplingDefaults: Sendable, Equatable {
    public var temperature: Double?
    public var topK: Int?
    public var topP: Double?
    public var minP: Double?
    public var repetitionPenalty: Double?

    public init(
        temperature: Double? = nil, topK: Int? = nil, topP: Double? = nil, minP: Double? = nil,
        repetitionPenalty: Double? = nil
    ) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
    }
}
