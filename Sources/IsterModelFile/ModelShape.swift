/// Everything that a decoder must know of a model beside its weights. Variations between families are data here,
/// not subclasses; a family is a way to fill this value.
public struct ModelShape: Codable, Equatable, Sendable {
    public var vocabularySize: Int
    public var hiddenWidth: Int
    public var feedForwardWidth: Int
    public var layerCount: Int
    public var headCount: Int
    /// Grouped queries (Ainslie et al. 2023): each key/value head serves `headCount / keyValueHeadCount` query heads.
    public var keyValueHeadCount: Int
    /// Width of one head; any multiple of 4 (H2O-Danube-1.8B: 80). Not always `hiddenWidth / headCount`.
    public var headWidth: Int
    /// Positions that the model was trained for.
    public var contextLength: Int
    public var normEpsilon: Float
    public var normKind: NormKind
    public var activation: Activation
    /// The head multiplies by the token embedding; the file then holds no `head` tensor.
    public var tiedHead: Bool
    public var queryKeyValueBias: Bool
    public var attentionOutputBias: Bool
    public var feedForwardBias: Bool
    /// RMS norm over each query and key head before the rotation (Qwen 3, Gemma 3).
    public var queryKeyNorm: Bool
    /// Norms on the outputs of attention and feed-forward as well (Gemma 2, 3).
    public var outputNorms: Bool
    /// Attention scores are multiplied by this; 1 / sqrt(headWidth) for most families.
    public var attentionScale: Float
    /// Embeddings are multiplied by this; 1 for most families.
    public var embeddingScale: Float
    /// Rotary settings; layers point into this list.
    public var rotaries: [Rotary]
    /// One entry a layer.
    public var layers: [Layer]

    public struct Layer: Codable, Equatable, Sendable {
        /// A query sees the last `window` positions, itself included; `nil` sees all (Mistral 7B paper, section 2).
        public var window: Int?
        /// Index into `rotaries`.
        public var rotary: Int

        public init(window: Int?, rotary: Int) {
            self.window = window
            self.rotary = rotary
        }
    }

    public enum NormKind: String, Codable, Sendable {
        /// y = x / rms(x) * w (Zhang and Sennrich 2019).
        case rootMeanSquare
        /// y = x / rms(x) * (1 + w) (Gemma).
        case rootMeanSquarePlusOne
    }

    public enum Activation: String, Codable, Sendable {
        case silu
        case geluTanh
    }

    /// Rotary position embedding (Su et al. 2021), half-split pairs (i, i + headWidth / 2) as Hugging Face stores them.
    public struct Rotary: Codable, Equatable, Sendable {
        public var theta: Double
        public var scaling: Scaling

        public init(theta: Double, scaling: Scaling) {
            self.theta = theta
            self.scaling = scaling
        }
    }

    public enum Scaling: Codable, Equatable, Sendable {
        case none
        case linear(factor: Double)
        /// Llama 3.1: wavelengths between the two bounds are blended.
        case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Int)
        /// YaRN (Peng et al. 2023). `attentionFactor` multiplies cosines and sines; nil: 0.1 ln(factor) + 1.
        case yarn(
            factor: Double, betaFast: Double, betaSlow: Double, originalContext: Int, attentionFactor: Double?,
            truncate: Bool)
    }

    public init(
        vocabularySize: Int, hiddenWidth: Int, feedForwardWidth: Int, layerCount: Int, headCount: Int,
        keyValueHeadCount: Int, headWidth: Int, contextLength: Int, normEpsilon: Float,
        normKind: NormKind = .rootMeanSquare, activation: Activation = .silu, tiedHead: Bool = false,
        queryKeyValueBias: Bool = false, attentionOutputBias: Bool = false, feedForwardBias: Bool = false,
        queryKeyNorm: Bool = false, outputNorms: Bool = false, attentionScale: Float, embeddingScale: Float = 1,
        rotaries: [Rotary], layers: [Layer]
    ) {
        self.vocabularySize = vocabularySize
        self.hiddenWidth = hiddenWidth
        self.feedForwardWidth = feedForwardWidth
        self.layerCount = layerCount
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headWidth = headWidth
        self.contextLength = contextLength
        self.normEpsilon = normEpsilon
        self.normKind = normKind
        self.activation = activation
        self.tiedHead = tiedHead
        self.queryKeyValueBias = queryKeyValueBias
        self.attentionOutputBias = attentionOutputBias
        self.feedForwardBias = feedForwardBias
        self.queryKeyNorm = queryKeyNorm
        self.outputNorms = outputNorms
        self.attentionScale = attentionScale
        self.embeddingScale = embeddingScale
        self.rotaries = rotaries
        self.layers = layers
    }

    public var queryWidth: Int { headCount * headWidth }
    public var keyValueWidth: Int { keyValueHeadCount * headWidth }

    /// Of the layers; nil when one sees every position.
    public var widestWindow: Int? {
        let windows = layers.compactMap(\.window)
        return windows.count == layers.count ? windows.max() : nil
    }
}
