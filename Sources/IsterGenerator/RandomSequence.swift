/// Counter-based random numbers: draw n of a seed is output n of SplitMix64 (Steele, Lea, Flood 2014). A draw depends
/// on nothing but the seed and its index, so a request gets the same numbers in any batch and on any machine.
public struct RandomSequence: Sendable {
    private let seed: UInt64
    private var drawCount: UInt64 = 0

    public init(seed: UInt64) {
        self.seed = seed
    }

    public mutating func nextBits() -> UInt64 {
        drawCount &+= 1
        var bits = seed &+ drawCount &* 0x9E37_79B9_7F4A_7C15
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    /// Uniform in 0 ..< 1: the upper 53 bits, times 2^-53.
    public mutating func nextUnit() -> Double {
        Double(nextBits() >> 11) * 0x1p-53
    }
}
