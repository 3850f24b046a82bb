import Foundation
import IsterGenerator

/// Tools/golden-sampler.py's output.
struct SamplerGolden: Decodable {
    var logits: [Float]
    var cases: [Case]
    var bits: [Bits]
    var walks: [Walk]
    var adjustedWalks: [AdjustedWalk]
    var scores: [Score]

    struct Case: Decodable {
        var temperature: Double
        var repetitionPenalty: Double
        var topK: Int?
        var topP: Double?
        var minP: Double?
        var frequencyPenalty: Double?
        var presencePenalty: Double?
        /// Pairs of token and bias.
        var bias: [[Float]]?
        /// Tokens of the prompt and of the text.
        var used: [Int32]
        var generated: [Int32]?
        var seed: UInt64
        var kept: [Int32]
        var probabilities: [Double]
        var draws: [Int32]

        var isFiltered: Bool { topK != nil || topP != nil || minP != nil }

        var penalties: Penalties {
            Penalties(
                repetition: repetitionPenalty, frequency: frequencyPenalty ?? 0, presence: presencePenalty ?? 0)
        }
    }

    struct AdjustedWalk: Decodable {
        var temperature: Double
        var frequencyPenalty: Double
        var presencePenalty: Double
        var bias: [[Float]]
        var seed: UInt64
        var ids: [Int32]
    }

    struct Score: Decodable {
        var chosen: Int32
        var logprob: Double
        var best: [Int32]
        var logprobs: [Double]
    }

    static func logitBias(_ pairs: [[Float]]) -> [Int32: Float] {
        Dictionary(uniqueKeysWithValues: pairs.map { (Int32($0[0]), $0[1]) })
    }

    struct Walk: Decodable {
        var seed: UInt64
        var ids: [Int32]
    }

    struct Bits: Decodable {
        var seed: UInt64
        var bits: [String]
    }

    static func load() throws -> SamplerGolden {
        let url = Bundle.module.bundleURL.appending(path: "Golden/sampler.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(SamplerGolden.self, from: Data(contentsOf: url))
    }
}
