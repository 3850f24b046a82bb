import Foundation

/// Tools/golden-sampler.py's output.
struct SamplerGolden: Decodable {
    var logits: [Float]
    var cases: [Case]
    var bits: [Bits]
    var walks: [Walk]

    struct Case: Decodable {
        var temperature: Double
        var repetitionPenalty: Double
        var topK: Int?
        var topP: Double?
        var minP: Double?
        var used: [Int32]
        var seed: UInt64
        var kept: [Int32]
        var probabilities: [Double]
        var draws: [Int32]

        var isFiltered: Bool { topK != nil || topP != nil || minP != nil }
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
