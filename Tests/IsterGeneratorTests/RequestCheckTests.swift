import Testing

@testable import IsterGenerator

@Suite struct RequestCheckTests {
    private static func error(_ change: (inout GenerationRequest) -> Void) -> GenerationError? {
        var request = GenerationRequest(prompt: [1, 2], maximumNewTokens: 3)
        change(&request)
        do throws(GenerationError) {
            try request.check(vocabularySize: 10, contextLength: 8)
            return nil
        } catch {
            return error
        }
    }

    private static func range(_ name: String, _ found: String, _ needed: String) -> GenerationError {
        .settingOutOfRange(name: name, found: found, needed: needed)
    }

    @Test func `penalties out of range are refused by name`() {
        for bad in [2.01, -2.01, .nan, .infinity] {
            #expect(
                Self.error { $0.penalties.frequency = bad } == Self.range("frequency penalty", "\(bad)", "-2 to 2"))
            #expect(Self.error { $0.penalties.presence = bad } == Self.range("presence penalty", "\(bad)", "-2 to 2"))
        }
        for bad in [0, -1, 1001, .nan, .infinity] {
            #expect(
                Self.error { $0.penalties.repetition = bad }
                    == Self.range("repetition penalty", "\(bad)", "0.001 to 1000"))
        }
        #expect(Self.error { $0.penalties = Penalties(repetition: 1000, frequency: -2, presence: 2) } == nil)
    }

    @Test func `a logit bias names tokens of the vocabulary and stays within 100`() {
        for bad: Int32 in [-1, 10, .max] {
            #expect(
                Self.error { $0.logitBias = [3: 1, bad: 2] }
                    == Self.range("a token id of the logit bias", "\(bad)", "0 to 9"))
        }
        for bad: Float in [100.5, -101, .nan, .infinity] {
            #expect(
                Self.error { $0.logitBias = [3: 1, 4: bad] }
                    == Self.range("logit bias of token 4", "\(bad)", "-100 to 100"))
        }
        #expect(Self.error { $0.logitBias = [0: -100, 9: 100] } == nil)
    }

    @Test func `log probabilities are told of 0 to 20 tokens`() {
        for bad in [-1, 21] {
            #expect(
                Self.error { $0.logprobCount = bad }
                    == Self.range("the number of log probabilities", "\(bad)", "0 to 20"))
        }
        for good in [0, 20, nil] { #expect(Self.error { $0.logprobCount = good } == nil) }
    }

    @Test func `a stop string has 1 to 256 bytes`() {
        for count in [0, 257] {
            #expect(
                Self.error { $0.stopStrings = ["a", String(repeating: "x", count: count)] }
                    == Self.range("a stop string", "\(count) bytes long", "1 to 256 bytes long"))
        }
        #expect(Self.error { $0.stopStrings = [String(repeating: "ä", count: 128)] } == nil)
    }
}
