internal import IsterCheckpoint
internal import IsterModelFile

extension ModelShape {
    /// The decoder's view of a checkpoint's configuration. Llama and Mistral differ only in their windows.
    init(_ configuration: ModelConfiguration) {
        let activation: Activation =
            switch configuration.activation {
            case .silu: .silu
            }
        self.init(
            vocabularySize: configuration.vocabularySize, hiddenWidth: configuration.hiddenWidth,
            feedForwardWidth: configuration.feedForwardWidth, layerCount: configuration.layerCount,
            headCount: configuration.headCount, keyValueHeadCount: configuration.keyValueHeadCount,
            headWidth: configuration.headWidth, contextLength: configuration.contextLength,
            normEpsilon: configuration.normEpsilon, activation: activation, tiedHead: configuration.tiedHead,
            queryKeyValueBias: configuration.queryKeyValueBias,
            attentionOutputBias: configuration.attentionOutputBias, feedForwardBias: configuration.feedForwardBias,
            attentionScale: Float(1 / Double(configuration.headWidth).squareRoot()),
            rotaries: [Rotary(configuration.rotary)],
            layers: configuration.windows.map { Layer(window: $0, rotary: 0) })
    }
}

extension ModelShape.Rotary {
    init(_ rotary: ModelConfiguration.Rotary) {
        let scaling: ModelShape.Scaling =
            switch rotary.scaling {
            case .none: .none
            case .linear(let factor): .linear(factor: factor)
            case .llama3(let factor, let low, let high, let context):
                .llama3(
                    factor: factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext: context)
            case .yarn(let factor, let fast, let slow, let context, let attentionFactor, let truncate):
                .yarn(
                    factor: factor, betaFast: fast, betaSlow: slow, originalContext: context,
                    attentionFactor: attentionFactor, truncate: truncate)
            }
        self.init(theta: rotary.theta, scaling: scaling)
    }
}

extension ModelHeader.GenerationDefaults {
    init(_ defaults: IsterCheckpoint.GenerationDefaults) {
        self.init(
            eosTokenIDs: defaults.eosIDs, bosTokenID: defaults.bosID, padTokenID: defaults.padID,
            doSample: defaults.doSample, temperature: defaults.temperature, topK: defaults.topK,
            topP: defaults.topP, minP: defaults.minP, repetitionPenalty: defaults.repetitionPenalty,
            maxNewTokens: defaults.maxNewTokens)
    }
}
