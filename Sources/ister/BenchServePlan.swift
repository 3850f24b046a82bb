import Glibc

/// What load is sent.
struct BenchServePlan {
    enum Arrival: Equatable {
        case clients(Int)
        /// Requests a second.
        case rate(Double)
    }

    var arrival: Arrival
    var requestCount: Int
    var promptTokens: Int
    var answerTokens: Int
    var sharedPrefix: Int
    var longPrompt: Int?
    var warmupCount: Int
    var seed: UInt64

    /// Seconds after the start at which requests are sent: gaps of a Poisson process.
    func arrivals(rate: Double) -> [Double] {
        var random = SplitMix64(seed: seed ^ 0xA5A5_A5A5)
        var time = 0.0
        return (0..<requestCount).map { _ in
            defer { time += -log(1 - random.nextUnit()) / rate }
            return time
        }
    }
}

/// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators". The same numbers everywhere.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// 0 to below 1.
    mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
