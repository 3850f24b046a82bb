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

extension GenerationDefaults {
    /// How a file spells the settings of sampling, for messages.
    struct KeyNames {
        var temperature = "temperature"
        var topK = "top_k"
        var topP = "top_p"
        var minP = "min_p"
        var repetitionPenalty = "repetition_penalty"
    }

    /// Throws when a setting of sampling is out of range.
    func validateSampling(path: String, keys: KeyNames) throws(CheckpointError) {
        func check(_ key: String, _ value: Double?, _ isAllowed: (Double) -> Bool, _ need: String)
            throws(CheckpointError)
        {
            guard let value, !isAllowed(value) else { return }
            throw .settingOutOfRange(path: path, key: key, found: "\(value)", need: need)
        }
        try check(keys.temperature, temperature, { $0 >= 0 && $0 <= 1e6 }, "0 to 1e6")
        try check(keys.topP, topP, { $0 > 0 && $0 <= 1 }, "above 0, to 1")
        try check(keys.minP, minP, { $0 >= 0 && $0 <= 1 }, "0 to 1")
        try check(keys.repetitionPenalty, repetitionPenalty, { $0 > 0 && $0 <= 1e6 }, "above 0, to 1e6")
        try check(keys.topK, topK.map(Double.init), { $0 >= 0 && $0 <= 1e9 }, "0 to 1e9")
        try check("max_new_tokens", maxNewTokens.map(Double.init), { $0 > 0 && $0 <= 1e9 }, "1 to 1e9")
    }
}
