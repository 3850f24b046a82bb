/// What a request changes about logits before a token is drawn. In this order, each step rounded to float:
/// 1. bias: logit + bias;
/// 2. repetition penalty, tokens of prompt and text: positive logits / penalty, negative ones * penalty;
/// 3. frequency penalty, tokens of the text: logit - times used * penalty;
/// 4. presence penalty, tokens of the text: logit - penalty.
struct LogitAdjustments: Sendable {
    private let bias: [(id: Int, value: Float)]
    private let repetition: Float
    private let frequency: Float
    private let presence: Float
    /// Tokens of prompt and text, if there is a repetition penalty.
    private var used: TokenCounts
    /// Tokens of the text, if there is another penalty.
    private var generated: TokenCounts

    init(penalties: Penalties, logitBias: [Int32: Float], vocabularySize: Int) {
        bias = logitBias.compactMap { id, value in
            id >= 0 && Int(id) < vocabularySize && value != 0 ? (Int(id), value) : nil
        }
        repetition = Float(penalties.repetition)
        frequency = Float(penalties.frequency)
        presence = Float(penalties.presence)
        used = TokenCounts(vocabularySize: repetition != 1 ? vocabularySize : 0)
        generated = TokenCounts(vocabularySize: frequency != 0 || presence != 0 ? vocabularySize : 0)
    }

    /// Whether logits never change.
    var isNeutral: Bool { bias.isEmpty && used.isOff && generated.isOff }

    mutating func usePrompt(_ id: Int32) { used.count(id) }

    mutating func useGenerated(_ id: Int32) {
        used.count(id)
        generated.count(id)
    }

    func apply(to scores: inout [Float]) {
        for (id, value) in bias { scores[id] += value }
        for id in used.ids {
            let score = scores[id]
            scores[id] = score < 0 ? score * repetition : score / repetition
        }
        for id in generated.ids {
            let taken = Float(generated.counts[id]) * frequency
            scores[id] = scores[id] - taken - presence
        }
    }
}

/// How often tokens were seen. Counts nothing when it is off.
private struct TokenCounts: Sendable {
    /// [vocabularySize]
    private(set) var counts: [Int32]
    /// The tokens with a count.
    private(set) var ids: [Int] = []

    init(vocabularySize: Int) {
        counts = Array(repeating: 0, count: vocabularySize)
    }

    var isOff: Bool { counts.isEmpty }

    /// Ids outside the vocabulary are ignored.
    mutating func count(_ id: Int32) {
        let id = Int(id)
        guard counts.indices.contains(id) else { return }
        if counts[id] == 0 { ids.append(id) }
        counts[id] &+= 1
    }
}
