internal import Glibc

/// Log-softmax of one row of logits in double precision. Element i is summed in lane i % 8 and the lanes are added in a
/// fixed tree, so the result does not depend on the compiler's choice of vectors.
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
        logSum = log(sums.treeSum)
    }

    init(maximum: Float, logSum: Double, top: Int) {
        self.maximum = maximum
        self.logSum = logSum
        self.top = top
    }

    /// ln of the probability of a token with this logit.
    public func logProbability(_ logit: Float) -> Double { Double(logit) - Double(maximum) - logSum }

    static func largest(_ logits: Span<Float>) -> (value: Float, index: Int) {
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
    func lanes(at start: Int) -> SIMD8<Float> {
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
    var treeSum: Double {
        let four = lowHalf + highHalf
        let two = four.lowHalf + four.highHalf
        return two[0] + two[1]
    }
}

/// e^x for x <= 0 by additions and multiplications alone, each rounded by IEEE 754, so that no libm decides the last
/// bit. Relative error below 4e-16; 0 below -708, where the result would stop being a normal number.
/// x = k ln 2 + r with |r| <= ln 2 / 2, then the Taylor series of e^r to r^13, whose remainder is below 5e-18.
func portableExponential(_ x: SIMD8<Double>) -> SIMD8<Double> {
    // Adding and subtracting 1.5 * 2^52 rounds to the nearest integer.
    let shift = SIMD8<Double>(repeating: 0x1.8p52)
    let isTiny = x .< -708
    let clamped = x.replacing(with: -708, where: isTiny)
    let shifted = clamped * 1.4426950408889634 + shift
    let power = shifted - shift
    // ln 2 in two parts; the upper has 21 zero bits at its end, so power * upper is exact.
    let rest = (clamped - power * 0x1.62E42FEEp-1) - power * 0x1.A39EF35793C76p-33
    var sum = SIMD8<Double>(repeating: 1 / 6227020800.0)
    sum = sum * rest + 1 / 479001600.0
    sum = sum * rest + 1 / 39916800.0
    sum = sum * rest + 1 / 3628800.0
    sum = sum * rest + 1 / 362880.0
    sum = sum * rest + 1 / 40320.0
    sum = sum * rest + 1 / 5040.0
    sum = sum * rest + 1 / 720.0
    sum = sum * rest + 1 / 120.0
    sum = sum * rest + 1 / 24.0
    sum = sum * rest + 1 / 6.0
    sum = sum * rest + 0.5
    sum = sum * rest + 1.0
    sum = sum * rest + 1.0
    // The low bits of `shifted` are `power` as an integer; they move into the exponent.
    let bits = unsafe unsafeBitCast(shifted, to: SIMD8<UInt64>.self) &- (0x1.8p52).bitPattern &+ 1023
    let scale = unsafe unsafeBitCast(bits &<< 52, to: SIMD8<Double>.self)
    return (sum * scale).replacing(with: 0, where: isTiny)
}
