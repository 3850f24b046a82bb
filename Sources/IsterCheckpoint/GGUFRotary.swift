import Glibc

/// Rotary settings of a llama in GGUF: keys for linear and YaRN, a tensor of divisors for Llama 3.
enum GGUFRotary {
    static let factorTensor = "rope_freqs.weight"

    private static let prefix = "llama.rope."
    static let keys: Set<String> = Set(
        [
            "freq_base", "scale_linear", "scaling.type", "scaling.factor", "scaling.original_context_length",
            "scaling.finetuned", "scaling.attn_factor", "scaling.yarn_beta_fast", "scaling.yarn_beta_slow",
        ].map { prefix + $0 })

    static func read(
        _ gguf: GGUFFile, headWidth: Int, contextLength: Int
    ) throws(CheckpointError) -> ModelConfiguration.Rotary {
        let metadata = gguf.metadata
        if let key = metadata.keys.first(where: { $0.hasPrefix(prefix + "scaling.") && !keys.contains($0) }) {
            throw .unsupportedSetting(
                path: metadata.path, key: key, found: "present", supported: "linear and YaRN scaling without it")
        }
        let theta = try metadata.number(prefix + "freq_base") ?? 10_000
        var scaling = try scaling(metadata, contextLength: contextLength)
        if let entry = gguf.entries.first(where: { $0.name == factorTensor }) {
            let llama3 = try llama3(gguf, entry, theta: theta, headWidth: headWidth)
            guard scaling == .none else {
                throw .unsupportedSetting(
                    path: metadata.path, key: factorTensor, found: "beside rope.scaling", supported: "one of the two")
            }
            scaling = llama3
        }
        return .init(theta: theta, scaling: scaling)
    }

    private static func scaling(
        _ metadata: GGUFMetadata, contextLength: Int
    ) throws(CheckpointError) -> ModelConfiguration.Scaling {
        // A factor without a type is linear; `scale_linear` is its older spelling.
        let type = try metadata.text(prefix + "scaling.type") ?? "linear"
        let oldFactor = try metadata.number(prefix + "scale_linear")
        let factor = try metadata.number(prefix + "scaling.factor") ?? oldFactor ?? 1
        let attentionFactor = try metadata.number(prefix + "scaling.attn_factor") ?? 1
        if attentionFactor != 1, type != "yarn" {
            throw .unsupportedSetting(
                path: metadata.path, key: prefix + "scaling.attn_factor", found: "\(attentionFactor)",
                supported: "1 without YaRN")
        }
        switch type {
        case "none": return .none
        case "linear": return factor == 1 ? .none : .linear(factor: factor)
        case "yarn":
            return .yarn(
                factor: factor, betaFast: try metadata.number(prefix + "scaling.yarn_beta_fast") ?? 32,
                betaSlow: try metadata.number(prefix + "scaling.yarn_beta_slow") ?? 1,
                originalContext: try metadata.integer(prefix + "scaling.original_context_length") ?? contextLength,
                attentionFactor: attentionFactor == 1 ? nil : attentionFactor * (0.1 * log(max(factor, 1)) + 1),
                truncate: true)
        default:
            throw .unsupportedSetting(
                path: metadata.path, key: prefix + "scaling.type", found: quoted(type), supported: "none, linear, yarn")
        }
    }

    /// Converters store Llama 3's rule as its result, one divisor a rotary pair. The rule is found again by trying
    /// the published bounds (1 and 4) with every power of two as the original context; other divisors are refused.
    private static func llama3(
        _ gguf: GGUFFile, _ entry: GGUFFile.Entry, theta: Double, headWidth: Int
    ) throws(CheckpointError) -> ModelConfiguration.Scaling {
        guard entry.weightType == .f32, (4...1 << 12).contains(headWidth), entry.shape == [headWidth / 2] else {
            throw .badTensorExtent(
                path: gguf.file.path, tensor: entry.name, found: "shape \(entry.shape)",
                need: "[\(headWidth / 2)] in F32")
        }
        let bytes = try gguf.file.bytes(at: entry.offset, count: entry.byteCount)
        let divisors = stride(from: 0, to: bytes.count, by: 4).map { start in
            Double(Float(bitPattern: bytes[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }))
        }
        if divisors.allSatisfy({ $0 == 1 }) { return .none }
        let factor = divisors.max() ?? 1
        for exponent in [13] + Array(6...20) {
            let expected = (0..<divisors.count).map { pair in
                divisor(
                    pair, theta: theta, headWidth: headWidth, factor: factor, originalContext: Double(1 << exponent))
            }
            if zip(divisors, expected).allSatisfy({ abs($0 - $1) <= 1e-5 * $1 }) {
                return .llama3(
                    factor: factor, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 1 << exponent)
            }
        }
        throw .unsupportedSetting(
            path: gguf.file.path, key: factorTensor, found: "divisors of an unknown rule", supported: "Llama 3's")
    }

    /// By how much Llama 3.1 slows down one rotary pair.
    private static func divisor(
        _ pair: Int, theta: Double, headWidth: Int, factor: Double, originalContext: Double
    ) -> Double {
        let wavelength = 2 * Double.pi * pow(theta, Double(2 * pair) / Double(headWidth))
        if wavelength < originalContext / 4 { return 1 }
        if wavelength > originalContext { return factor }
        let smooth = (originalContext / wavelength - 1) / (4 - 1)
        return 1 / ((1 - smooth) / factor + smooth)
    }
}
