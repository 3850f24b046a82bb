/// What a decoder must know of a checkpoint beside its weights, whatever the source spelled it like.
public struct ModelConfiguration: Sendable, Equatable {
    public var architecture: Architecture
    /// Rows of the token embedding.
    public var vocabularySize: Int
    public var hiddenWidth: Int
    public var feedForwardWidth: Int
    public var layerCount: Int
    public var headCount: Int
    public var keyValueHeadCount: Int
    public var headWidth: Int
    /// Positions that the model was trained for.
    public var contextLength: Int
    public var normEpsilon: Float
    public var activation: Activation
    /// The head multiplies by the token embedding; there is no `lm_head.weight`.
    public var tiedHead: Bool
    public var queryKeyValueBias: Bool
    public var attentionOutputBias: Bool
    public var feedForwardBias: Bool
    /// The window that the source names; nil: every position sees all before it.
    public var slidingWindow: Int?
    /// One entry a layer.
    public var windows: [Int?]
    public var rotary: Rotary

    /// Spelled as in Hugging Face's `architectures`.
    public enum Architecture: String, Sendable, CaseIterable {
        case llama = "LlamaForCausalLM"
        case mistral = "MistralForCausalLM"
    }

    public enum Activation: String, Sendable { case silu }

    public struct Rotary: Sendable, Equatable {
        public var theta: Double
        public var scaling: Scaling

        public init(theta: Double, scaling: Scaling) {
            self.theta = theta
            self.scaling = scaling
        }
    }

    public enum Scaling: Sendable, Equatable {
        case none
        case linear(factor: Double)
        case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Int)
        /// `attentionFactor` multiplies cosines and sines; nil: 0.1 ln(factor) + 1.
        case yarn(
            factor: Double, betaFast: Double, betaSlow: Double, originalContext: Int, attentionFactor: Double?,
            truncate: Bool)
    }

    public init(
        architecture: Architecture, vocabularySize: Int, hiddenWidth: Int, feedForwardWidth: Int, layerCount: Int,
        headCount: Int, keyValueHeadCount: Int, headWidth: Int, contextLength: Int, normEpsilon: Float,
        activation: Activation, tiedHead: Bool, queryKeyValueBias: Bool, attentionOutputBias: Bool,
        feedForwardBias: Bool, slidingWindow: Int?, windows: [Int?], rotary: Rotary
    ) {
        self.architecture = architecture
        self.vocabularySize = vocabularySize
        self.hiddenWidth = hiddenWidth
        self.feedForwardWidth = feedForwardWidth
        self.layerCount = layerCount
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headWidth = headWidth
        self.contextLength = contextLength
        self.normEpsilon = normEpsilon
        self.activation = activation
        self.tiedHead = tiedHead
        self.queryKeyValueBias = queryKeyValueBias
        self.attentionOutputBias = attentionOutputBias
        self.feedForwardBias = feedForwardBias
        self.slidingWindow = slidingWindow
        self.windows = windows
        self.rotary = rotary
    }

    public var queryWidth: Int { headCount * headWidth }
    public var keyValueWidth: Int { keyValueHeadCount * headWidth }
}

extension ModelConfiguration {
    /// Refuses numbers with which a decoder would divide by zero, overflow or read past a tensor. `keys` names each
    /// setting as the source spells it.
    func validate(path: String, keys: KeyNames) throws(CheckpointError) {
        func check(_ key: String, _ value: Int, _ range: ClosedRange<Int>) throws(CheckpointError) {
            if range.contains(value) { return }
            throw .settingOutOfRange(
                path: path, key: key, found: "\(value)", need: "\(range.lowerBound) to \(range.upperBound)")
        }
        // Products of any three of these stay far below 2^63.
        try check(keys.vocabularySize, vocabularySize, 1...1 << 24)
        try check(keys.hiddenWidth, hiddenWidth, 1...1 << 20)
        try check(keys.feedForwardWidth, feedForwardWidth, 1...1 << 22)
        try check(keys.layerCount, layerCount, 1...1 << 12)
        try check(keys.headCount, headCount, 1...1 << 14)
        try check(keys.keyValueHeadCount, keyValueHeadCount, 1...headCount)
        try check(keys.headWidth, headWidth, 4...1 << 12)
        try check(keys.contextLength, contextLength, 1...1 << 26)
        if let slidingWindow { try check(keys.slidingWindow, slidingWindow, 1...1 << 26) }
        if headWidth % 4 != 0 {
            throw .settingOutOfRange(path: path, key: keys.headWidth, found: "\(headWidth)", need: "a multiple of 4")
        }
        if headCount % keyValueHeadCount != 0 {
            throw .settingOutOfRange(
                path: path, key: keys.keyValueHeadCount, found: "\(keyValueHeadCount)",
                need: "a divisor of the \(headCount) heads")
        }
        if !(normEpsilon > 0 && normEpsilon < 1) {
            throw .settingOutOfRange(path: path, key: keys.normEpsilon, found: "\(normEpsilon)", need: "0 < ε < 1")
        }
        if !(rotary.theta > 1 && rotary.theta <= 1e15) {
            throw .settingOutOfRange(path: path, key: keys.theta, found: "\(rotary.theta)", need: "above 1, to 1e15")
        }
        try rotary.scaling.validate(path: path)
    }

    /// The source's spelling of each setting, for messages.
    struct KeyNames {
        var vocabularySize, hiddenWidth, feedForwardWidth, layerCount, headCount, keyValueHeadCount, headWidth,
            contextLength, slidingWindow, normEpsilon, theta: String
    }
}

extension ModelConfiguration.Scaling {
    func validate(path: String) throws(CheckpointError) {
        func check(_ key: String, _ value: Double, above low: Double, to high: Double) throws(CheckpointError) {
            if value > low && value <= high { return }
            throw .settingOutOfRange(path: path, key: key, found: "\(value)", need: "above \(low), to \(high)")
        }
        func checkContext(_ context: Int) throws(CheckpointError) {
            if (1...1 << 26).contains(context) { return }
            throw .settingOutOfRange(
                path: path, key: "original_max_position_embeddings", found: "\(context)", need: "1 to \(1 << 26)")
        }
        func checkFactor(_ factor: Double) throws(CheckpointError) {
            if factor >= 1 && factor <= 1e6 { return }
            throw .settingOutOfRange(path: path, key: "factor", found: "\(factor)", need: "1 to 1e6")
        }
        switch self {
        case .none: break
        case .linear(let factor): try checkFactor(factor)
        case .llama3(let factor, let low, let high, let context):
            try checkFactor(factor)
            try check("low_freq_factor", low, above: 0, to: 1e6)
            // Equal factors would divide by zero in the blend.
            try check("high_freq_factor", high, above: low, to: 1e6)
            try checkContext(context)
        case .yarn(let factor, let betaFast, let betaSlow, let context, let attentionFactor, _):
            try checkFactor(factor)
            try check("beta_slow", betaSlow, above: 0, to: 1e6)
            try check("beta_fast", betaFast, above: betaSlow, to: 1e6)
            try checkContext(context)
            if let attentionFactor { try check("attention_factor", attentionFactor, above: 0, to: 1e6) }
        }
    }
}
