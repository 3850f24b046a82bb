internal import IsterDecoder

/// Log-softmax of one row of logits in double precision. Element i is summed in lane i % 8 and the lanes are added in a
/// fixed tree; no libm takes part: the result depends on neither the machine nor the compiler's choice of vectors.
public struct LogSoftmax: Equatable, Sendable {
    public let maximum: Float
    /// ln of the sum of e^(logit - maximum).
    public let logSum: Double
    /// The lowest index that holds the maximum.
    public let top: Int

    /// logits: finite, at least one.
    public init(_ logits: Span<Float>) {
        (maximum, top) = Self.largest(logits)
        var sums = SIMD8<Double>(repeating: 0)
        let offset = SIMD8<Double>(repeating: Double(maximum))
        for start in stride(from: 0, to: logits.count, by: 8) {
            sums += portableExponential(SIMD8<Double>(logits.lanes(at: start)) - offset)
        }
        logSum = portableLogarithm(sums.treeSum)
    }

    public init(maximum: Float, logSum: Double, top: Int) {
        self.maximum = maximum
        self.logSum = logSum
        self.top = top
    }

    /// ln of the probability of a token with this logit.
    public func logProbability(_ logit: Float) -> Double { Double(logit) - Double(maximum) - logSum }

    /// The largest logit and the lowest index that holds it.
    public static func largest(_ logits: Span<Float>) -> (value: Float, index: Int) {
        var lanes = SIMD8<Float>(repeating: -.infinity)
        for start in stride(from: 0, to: logits.count, by: 8) {
            let next = logits.lanes(at: start)
            lanes.replace(with: next, where: next .> lanes)
        }
        let value = lanes.max()
        return (value, logits.indices.first { logits[$0] == value } ?? 0)
    }
}

extension Span<Float> {
    /// Elements start ..< start + 8; -infinity after the end.
    @inlinable
    public func lanes(at start: Int) -> SIMD8<Float> {
        if start + 8 <= count {
            return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: start * 4, as: SIMD8<Float>.self)
        }
        var lanes = SIMD8<Float>(repeating: -.infinity)
        for lane in 0..<(count - start) { lanes[lane] = self[start + lane] }
        return lanes
    }
}

extension SIMD8<Double> {
    /// ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)), by lanes.
    @inlinable
    public var treeSum: Double {
        let four = lowHalf + highHalf
        let two = four.lowHalf + four.highHalf
        return two[0] + two[1]
    }
}
