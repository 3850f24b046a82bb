import ArgumentParser
import IsterGenerator
import IsterModelFile

/// How tokens are drawn. What is not given comes from the model's generation defaults.
struct SamplingOptions: ParsableArguments {
    @Option(
        help: """
            0 takes the most probable token. By default the model's, if its authors propose sampling or another \
            sampling option is given; else 0.
            """)
    var temperature: Double?
    @Option(help: "Draws among the K most probable tokens.") var topK: Int?
    @Option(help: "Draws among the most probable tokens whose mass reaches P.") var topP: Double?
    @Option(help: "Draws among tokens at least M times as probable as the most probable one.") var minP: Double?
    @Option(help: "Above 1 makes tokens that the text already uses less probable.") var repetitionPenalty: Double?
    @Option(help: "The same seed gives the same text on every machine; by default a new one each time.")
    var seed: UInt64?

    /// seed: used when none was asked for.
    func sampling(_ defaults: ModelHeader.GenerationDefaults, seed newSeed: UInt64) -> Sampling {
        let asksForDraws = topK != nil || topP != nil || minP != nil || seed != nil
        let proposed = asksForDraws || defaults.doSample == true ? defaults.temperature ?? 1 : 0
        let temperature = temperature ?? proposed
        guard temperature != 0 else { return .greedy }
        var filters = SamplingFilters(
            topK: topK ?? defaults.topK, topP: topP ?? defaults.topP, minP: minP ?? defaults.minP)
        // In a model's defaults 0 means off.
        if topK == nil, filters.topK == 0 { filters.topK = nil }
        return .random(temperature: temperature, seed: seed ?? newSeed, filters: filters)
    }

    func repetitionPenalty(_ defaults: ModelHeader.GenerationDefaults) -> Double {
        repetitionPenalty ?? defaults.repetitionPenalty ?? 1
    }
}
