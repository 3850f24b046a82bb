/// What the operator decides about the API.
public struct APIOptions: Sendable, Equatable {
    /// Unknown fields are ignored instead of refused.
    public var isLenient = false
    /// The most that a request may ask for as `max_tokens`; nil: what the context has room for.
    public var maximumOutputTokens: Int?
    public var bodyByteLimit = 8 << 20
    /// Requests of one client, a key or, without keys, an address, that are read or prepared at once; nil: as many as
    /// of all clients.
    public var perClientCount: Int?
    /// Clients share cached prefixes; a request's own `cache_salt` still parts them.
    public var sharesPrefixes = false
    /// A request that takes longer ends with an error.
    public var requestSeconds = 1800.0
    /// Silence of a stream after which a comment tells that it lives.
    public var pingSeconds = 15.0
    /// Of a stream, what may wait for its reader. Further behind, it ends with an error.
    public var waitingBytes = 1 << 20
    /// Prompts and choices of one request that the generator gets at once; the others wait here.
    public var parallelCount = 4
    /// Requests that the generator runs together; nil: unknown. More choices than this are refused.
    public var runningCount: Int?
    /// Requests that can run or wait in the generator; nil: unknown. A request that is more than all of them, prompts
    /// times choices, is refused.
    public var placeCount: Int?

    public init() {}
}
