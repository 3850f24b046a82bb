/// Plain data that a template reads: what JSON can say, with the order of keys kept.
public indirect enum TemplateValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case float(Double)
    /// Text of a user: never becomes a control token.
    case string(String)
    /// Text that the caller vouches for, such as a role it knows: may become part of a control token.
    case trusted(String)
    case list([TemplateValue])
    /// Of equal keys the last value counts, in the first one's place.
    case object([(key: String, value: TemplateValue)])
}

extension TemplateValue {
    /// Value of a key of an object.
    public subscript(key: String) -> TemplateValue? {
        guard case .object(let entries) = self else { return nil }
        return entries.last { $0.key == key }?.value
    }
}

/// The time that `strftime_now` tells. The caller reads the clock.
public struct TemplateClock: Sendable, Equatable {
    public var year: Int
    /// 1...12
    public var month: Int
    /// 1...31
    public var day: Int
    public var hour: Int
    public var minute: Int
    public var second: Int
    /// 0 is Sunday.
    public var weekday: Int

    public init(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, weekday: Int) {
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
        self.weekday = weekday
    }
}

/// What a chat template gets to see.
public struct ChatTemplateInput: Sendable {
    /// Objects with `role`, `content` and so on.
    public var messages: [TemplateValue]
    public var tools: TemplateValue?
    public var documents: TemplateValue?
    public var addGenerationPrompt: Bool
    public var bosToken: String?
    public var eosToken: String?
    /// Further special tokens of the tokenizer by variable name, such as `pad_token`.
    public var specialTokens: [(name: String, token: String)]
    /// Further variables, such as `enable_thinking`. The caller decides which a client may set.
    public var variables: [(name: String, value: TemplateValue)]
    /// A message's role is taken for the template's own text when it is one of these.
    public var trustedRoles: [String]
    public var clock: TemplateClock
    /// How long the rendering has taken; nil: its time is not bounded, its steps are.
    public var stopwatch: (@Sendable () -> Duration)?
    /// Most bytes that the prompt, or any text on the way to it, may have.
    public var outputByteLimit: Int

    public static let knownRoles = [
        "system", "developer", "user", "assistant", "tool", "function", "ipython", "environment",
    ]

    public init(
        messages: [TemplateValue], tools: TemplateValue? = nil, documents: TemplateValue? = nil,
        addGenerationPrompt: Bool, bosToken: String? = nil, eosToken: String? = nil,
        specialTokens: [(name: String, token: String)] = [], variables: [(name: String, value: TemplateValue)] = [],
        trustedRoles: [String] = ChatTemplateInput.knownRoles, clock: TemplateClock,
        stopwatch: (@Sendable () -> Duration)? = nil, outputByteLimit: Int
    ) {
        self.messages = messages
        self.tools = tools
        self.documents = documents
        self.addGenerationPrompt = addGenerationPrompt
        self.bosToken = bosToken
        self.eosToken = eosToken
        self.specialTokens = specialTokens
        self.variables = variables
        self.trustedRoles = trustedRoles
        self.clock = clock
        self.stopwatch = stopwatch
        self.outputByteLimit = outputByteLimit
    }
}
