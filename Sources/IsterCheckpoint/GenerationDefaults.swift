/// What a checkpoint's author suggests for generation. Every value is optional: silence is kept as silence.
public struct GenerationDefaults: Sendable, Equatable {
    /// Any of these ends a text.
    public var eosIDs: [Int] = []
    public var bosID: Int?
    public var padID: Int?
    public var doSample: Bool?
    public var temperature: Double?
    public var topK: Int?
    public var topP: Double?
    public var minP: Double?
    public var repetitionPenalty: Double?
    public var maxNewTokens: Int?

    public init() {}
}
