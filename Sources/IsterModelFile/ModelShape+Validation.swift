internal import CIsterKernels

extension ModelShape {
    /// The largest models that this version runs. They bound all size arithmetic below 2^63: 2^23 rows times 2^18
    /// columns times 4 bytes is 2^43 a tensor, and there are fewer than 2^15 tensors. They also bound a distribution
    /// among a team's threads, which has fewer than 2^20 items (`ister_team_claim`).
    public enum Limits {
        /// 2^19 panels of 16 rows: the most items of any product.
        public static let vocabulary = 1 << 23
        public static let width = 1 << 18
        public static let layers = 1024
        public static let heads = 1024
        /// Items that attention makes of one token: a decoder runs up to 2^13 tokens at a time.
        public static let attentionItems = (1 << 7) - 1
        public static let headWidth = Int(ISTER_MOST_HEAD_WIDTH)
        public static let positions = 1 << 24
        public static let rotaries = 16
    }

    /// Refuses every value that a decoder could not run, however well signed the file is.
    public func validate() throws(ModelFileDefect) {
        try check("vocabularySize", vocabularySize, 1...Limits.vocabulary)
        try check("hiddenWidth", hiddenWidth, 4...Limits.width, multipleOf: 4)
        try check("feedForwardWidth", feedForwardWidth, 4...Limits.width, multipleOf: 4)
        try check("layerCount", layerCount, 1...Limits.layers)
        try check("headCount", headCount, 1...Limits.heads)
        try check("keyValueHeadCount", keyValueHeadCount, 1...headCount)
        if headCount % keyValueHeadCount != 0 {
            throw .valueOutOfRange(
                field: "keyValueHeadCount", found: "\(keyValueHeadCount)", needed: "a divisor of \(headCount)")
        }
        try check("attention items of a token", attentionItems, 1...Limits.attentionItems)
        try check("headWidth", headWidth, 4...Limits.headWidth, multipleOf: 4)
        try check("headCount * headWidth", queryWidth, 4...Limits.width)
        try check("contextLength", contextLength, 1...Limits.positions)
        try check("normEpsilon", Double(normEpsilon), 1e-12...1)
        try check("attentionScale", Double(attentionScale), 1e-6...1e6)
        try check("embeddingScale", Double(embeddingScale), 1e-6...1e6)
        try validateRotaries()
        try validateLayers()
    }

    /// Up to `ISTER_QUERY_TILE` query heads of one key/value head are one item.
    private var attentionItems: Int {
        let tile = Int(ISTER_QUERY_TILE)
        return keyValueHeadCount * ((headCount / keyValueHeadCount + tile - 1) / tile)
    }

    private func validateLayers() throws(ModelFileDefect) {
        if layers.count != layerCount {
            throw .valueOutOfRange(field: "layers", found: "\(layers.count) entries", needed: "\(layerCount)")
        }
        for (index, layer) in layers.enumerated() {
            if let window = layer.window { try check("layers[\(index)].window", window, 1...Limits.positions) }
            try check("layers[\(index)].rotary", layer.rotary, 0...(rotaries.count - 1))
        }
    }

    private func validateRotaries() throws(ModelFileDefect) {
        try check("rotaries.count", rotaries.count, 1...Limits.rotaries)
        for (index, rotary) in rotaries.enumerated() {
            let name = "rotaries[\(index)]"
            // YaRN divides by ln(theta).
            try check("\(name).theta", rotary.theta, 2...1e15)
            switch rotary.scaling {
            case .none: break
            case .linear(let factor): try check("\(name).factor", factor, 1e-3...1e6)
            case .llama3(let factor, let low, let high, let context):
                try check("\(name).factor", factor, 1e-3...1e6)
                try check("\(name).lowFrequencyFactor", low, 1e-3...1e6)
                try check("\(name).highFrequencyFactor", high, 1e-3...1e6)
                // The blend divides by their difference.
                if high <= low {
                    throw .valueOutOfRange(
                        field: "\(name).highFrequencyFactor", found: "\(high)", needed: "above \(low)")
                }
                try check("\(name).originalContext", context, 1...Limits.positions)
            case .yarn(let factor, let fast, let slow, let context, let attentionFactor, _):
                try check("\(name).factor", factor, 1e-3...1e6)
                try check("\(name).betaFast", fast, 1e-3...1e6)
                try check("\(name).betaSlow", slow, 1e-3...1e6)
                try check("\(name).originalContext", context, 1...Limits.positions)
                if let attentionFactor { try check("\(name).attentionFactor", attentionFactor, 1e-3...1e3) }
            }
        }
    }
}

/// `multipleOf` 1 allows every number of the range.
func check(
    _ field: String, _ value: Int, _ range: ClosedRange<Int>, multipleOf step: Int = 1
) throws(ModelFileDefect) {
    if range.contains(value), value % step == 0 { return }
    let multiple = step == 1 ? "" : ", a multiple of \(step)"
    throw .valueOutOfRange(
        field: field, found: "\(value)", needed: "\(range.lowerBound) to \(range.upperBound)\(multiple)")
}

/// A range holds no NaN and no infinity, so this is a test for finiteness as well.
func check(_ field: String, _ value: Double, _ range: ClosedRange<Double>) throws(ModelFileDefect) {
    if range.contains(value) { return }
    throw .valueOutOfRange(field: field, found: "\(value)", needed: "\(range.lowerBound) to \(range.upperBound)")
}
