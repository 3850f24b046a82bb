extension ModelHeader {
    /// What the checkpoint's authors propose for generation. nil: the checkpoint does not say.
    public struct GenerationDefaults: Codable, Equatable, Sendable {
        public var eosTokenIDs: [Int]
        public var bosTokenID: Int?
        public var padTokenID: Int?
        public var doSample: Bool?
        public var temperature: Double?
        public var topK: Int?
        public var topP: Double?
        public var minP: Double?
        public var repetitionPenalty: Double?
        public var maxNewTokens: Int?

        public init(
            eosTokenIDs: [Int] = [], bosTokenID: Int? = nil, padTokenID: Int? = nil, doSample: Bool? = nil,
            temperature: Double? = nil, topK: Int? = nil, topP: Double? = nil, minP: Double? = nil,
            repetitionPenalty: Double? = nil, maxNewTokens: Int? = nil
        ) {
            self.eosTokenIDs = eosTokenIDs
            self.bosTokenID = bosTokenID
            self.padTokenID = padTokenID
            self.doSample = doSample
            self.temperature = temperature
            self.topK = topK
            self.topP = topP
            self.minP = minP
            self.repetitionPenalty = repetitionPenalty
            self.maxNewTokens = maxNewTokens
        }

        func validate(vocabularySize: Int) throws(ModelFileDefect) {
            try check("eosTokenIDs.count", eosTokenIDs.count, 0...64)
            let tokens = 0...(vocabularySize - 1)
            for id in eosTokenIDs { try check("eosTokenIDs", id, tokens) }
            if let bosTokenID { try check("bosTokenID", bosTokenID, tokens) }
            if let padTokenID { try check("padTokenID", padTokenID, tokens) }
            if let temperature { try check("temperature", temperature, 0...1e4) }
            if let topK { try check("topK", topK, 0...Int(Int32.max)) }
            if let topP { try check("topP", topP, 0...1) }
            if let minP { try check("minP", minP, 0...1) }
            if let repetitionPenalty { try check("repetitionPenalty", repetitionPenalty, 1e-3...1e3) }
            if let maxNewTokens { try check("maxNewTokens", maxNewTokens, 1...Int(Int32.max)) }
        }
    }
}
