internal import IsterModelFile

/// Cosines and sines of every position of one rotary setting: [position, headWidth / 2] each, filled as far as needed.
/// Angles are rounded as transformers rounds them: frequency and position x frequency in float32.
@safe final class RotaryTable {
    let cosines: UnsafeMutablePointer<Float>
    let sines: UnsafeMutablePointer<Float>
    let half: Int
    private let frequencies: [Float]
    private let factor: Float
    private let memory: AnonymousMemory
    private var filled = 0

    init(_ rotary: ModelShape.Rotary, headWidth: Int, positions: Int) throws(DecoderError) {
        half = headWidth / 2
        memory = try AnonymousMemory(bytes: 2 * positions * half * MemoryLayout<Float>.size)
        unsafe cosines = memory.base.assumingMemoryBound(to: Float.self)
        unsafe sines = cosines + positions * half
        frequencies = rotary.frequencies(headWidth: headWidth)
        factor = rotary.attentionFactor
    }

    /// Fills positions ..<end. Never beyond the number that the table was made for.
    func extend(to end: Int) {
        guard end > filled else { return }
        for position in filled..<end {
            for i in 0..<half {
                let (cosine, sine) = Portable.cosineAndSine(Float(position) * frequencies[i])
                unsafe cosines[position * half + i] = Float(cosine) * factor
                unsafe sines[position * half + i] = Float(sine) * factor
            }
        }
        filled = end
    }
}

extension ModelShape.Rotary {
    /// Radians per position of each pair, headWidth / 2 of them.
    func frequencies(headWidth: Int) -> [Float] {
        let plain = (0..<headWidth / 2).map { i in
            1 / Float(Portable.power(theta, Double(Float(2 * i) / Float(headWidth))))
        }
        switch scaling {
        case .none:
            return plain
        case .linear(let factor):
            return plain.map { $0 / Float(factor) }
        case .llama3(let factor, let low, let high, let context):
            return plain.map { Self.llama3($0, factor, low, high, Double(context)) }
        case .yarn(let factor, let fast, let slow, let context, _, let truncate):
            let bounds = yarnBounds(headWidth, fast, slow, Double(context), truncate)
            return plain.enumerated().map { i, frequency in
                let ramp = min(max((Float(i) - bounds.low) / (bounds.high - bounds.low), 0), 1)
                let kept = 1 - ramp
                return frequency / Float(factor) * (1 - kept) + frequency * kept
            }
        }
    }

    /// Multiplies cosines and sines (YaRN's attention temperature, paper section 3.4).
    var attentionFactor: Float {
        guard case .yarn(let factor, _, _, _, let given, _) = scaling else { return 1 }
        return Float(given ?? (factor <= 1 ? 1 : 0.1 * portableLogarithm(factor) + 1))
    }

    /// Llama 3.1's rule: long waves are stretched by the factor, short ones kept, those between blended.
    private static func llama3(
        _ frequency: Float, _ factor: Double, _ low: Double, _ high: Double, _ context: Double
    ) -> Float {
        let wavelength = 2 * Float.pi / frequency
        if wavelength > Float(context / low) { return frequency / Float(factor) }
        if wavelength < Float(context / high) { return frequency }
        let blend = (Float(context) / wavelength - Float(low)) / Float(high - low)
        return (1 - blend) * frequency / Float(factor) + blend * frequency
    }

    /// Pair indices between which YaRN blends (paper section 3.2).
    private func yarnBounds(
        _ headWidth: Int, _ fast: Double, _ slow: Double, _ context: Double, _ truncate: Bool
    ) -> (low: Float, high: Float) {
        func pair(rotations: Double) -> Double {
            Double(headWidth) * portableLogarithm(context / (rotations * 2 * Double.pi))
                / (2 * portableLogarithm(theta))
        }
        var low = pair(rotations: fast)
        var high = pair(rotations: slow)
        if truncate { (low, high) = (low.rounded(.down), high.rounded(.up)) }
        low = max(low, 0)
        high = min(high, Double(headWidth - 1))
        return (Float(low), Float(low == high ? high + 0.001 : high))
    }
}
