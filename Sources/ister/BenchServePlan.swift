import Glibc
import IsterGenerator

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

    /// Requests that may be under way together, each on a connection of its own: at a rate all of them, since none may
    /// wait in the client.
    var mostUnanswered: Int {
        let requests =
            switch arrival {
            case .clients(let count): count
            case .rate: requestCount
            }
        return requests + (longPrompt == nil ? 0 : 1)
    }

    /// Seconds after the start at which requests are sent: gaps of a Poisson process.
    func arrivals(rate: Double) -> [Double] {
        var random = RandomSequence(seed: seed ^ 0xA5A5_A5A5)
        var time = 0.0
        return (0..<requestCount).map { _ in
            defer { time += -log(1 - random.nextUnit()) / rate }
            return time
        }
    }
}

/// The generator's random numbers for the draws of the standard library: the same everywhere.
struct SplitMix64: RandomNumberGenerator {
    private var sequence: RandomSequence

    init(seed: UInt64) { sequence = RandomSequence(seed: seed) }

    mutating func next() -> UInt64 { sequence.nextBits() }
}
