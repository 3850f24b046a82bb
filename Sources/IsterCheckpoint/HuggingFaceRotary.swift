import Glibc

/// Rotary settings in both spellings: `rope_theta` beside `rope_scaling` (transformers 4), all in `rope_parameters`
/// (transformers 5). What stands inside the object wins over what stands beside it.
enum HuggingFaceRotary {
    static func read(
        _ reader: inout SettingsReader, contextLength: Int
    ) throws(CheckpointError) -> ModelConfiguration.Rotary {
        let outerTheta = try reader.number("rope_theta") ?? 10_000
        let outerContext = try reader.integer("original_max_position_embeddings")
        let scaling = try reader.object("rope_scaling")
        let parameters = try reader.object("rope_parameters")
        guard let object = scaling ?? parameters else { return .init(theta: outerTheta, scaling: .none) }
        if let scaling, let parameters, scaling != parameters {
            throw .unsupportedSetting(
                path: reader.path, key: "rope_scaling", found: "other than rope_parameters", supported: "one of the two"
            )
        }
        var inner = SettingsReader(path: reader.path, object: object)
        try inner.require("partial_rotary_factor", isNeutral: [.integer(1), .number(1)], supported: "1")
        let theta = try inner.number("rope_theta") ?? outerTheta
        let oldType = try inner.text("type") ?? "default"
        let type = try inner.text("rope_type") ?? oldType
        let innerContext = try inner.integer("original_max_position_embeddings")
        let result = try Self.scaling(
            type, &inner, originalContext: outerContext ?? innerContext ?? contextLength, contextLength: contextLength)
        // A parameter that the reference would not read either is harmless; an unknown one may be a new rule.
        inner.ignore(["factor", "attention_factor", "beta_fast", "beta_slow", "low_freq_factor", "high_freq_factor"])
        if let key = inner.unknownKeys.first {
            throw .unsupportedSetting(
                path: reader.path, key: key, found: "a parameter of rope_type \(quoted(type))", supported: "none such")
        }
        return .init(theta: theta, scaling: result)
    }

    private static func scaling(
        _ type: String, _ inner: inout SettingsReader, originalContext: Int, contextLength: Int
    ) throws(CheckpointError) -> ModelConfiguration.Scaling {
        switch type {
        case "default": return .none
        case "linear": return .linear(factor: try inner.requiredNumber("factor"))
        case "llama3":
            return .llama3(
                factor: try inner.requiredNumber("factor"),
                lowFrequencyFactor: try inner.requiredNumber("low_freq_factor"),
                highFrequencyFactor: try inner.requiredNumber("high_freq_factor"), originalContext: originalContext)
        case "yarn": return try yarn(&inner, originalContext: originalContext, contextLength: contextLength)
        default:
            throw .unsupportedSetting(
                path: inner.path, key: "rope_type", found: quoted(type), supported: "default, linear, llama3, yarn")
        }
    }

    /// `_compute_yarn_parameters` of transformers: 0 and null mean the paper's 32 and 1.
    private static func yarn(
        _ inner: inout SettingsReader, originalContext: Int, contextLength: Int
    ) throws(CheckpointError) -> ModelConfiguration.Scaling {
        func orDefault(_ value: Double?, _ standard: Double) -> Double {
            guard let value, value != 0 else { return standard }
            return value
        }
        let ratio = Double(contextLength) / Double(max(originalContext, 1))
        let factor = try inner.number("factor") ?? ratio
        let scale = try inner.number("mscale")
        let scaleAllDimensions = try inner.number("mscale_all_dim")
        var attentionFactor = try inner.number("attention_factor")
        if attentionFactor == nil, let scale, let scaleAllDimensions, scale != 0, scaleAllDimensions != 0, factor > 1 {
            attentionFactor = (0.1 * scale * log(factor) + 1) / (0.1 * scaleAllDimensions * log(factor) + 1)
        }
        // transformers does not read it.
        inner.ignore(["finetuned"])
        return .yarn(
            factor: factor, betaFast: orDefault(try inner.number("beta_fast"), 32),
            betaSlow: orDefault(try inner.number("beta_slow"), 1), originalContext: originalContext,
            attentionFactor: attentionFactor, truncate: try inner.bool("truncate") ?? true)
    }
}
