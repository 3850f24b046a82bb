import IsterDecoder
import IsterModelFile
import IsterQuantizer
import Testing

@Suite struct HiddenStateTests {
    /// The head read from the checkpoint, [vocabulary][hidden]; stories260K ties it to the embedding.
    private static func head(_ decoder: Decoder) throws -> [[Float]] {
        let values = try ConversionFixture("stories260K").tensor("model.embed_tokens.weight").values
        let width = decoder.shape.hiddenWidth
        return stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
    }

    @Test(arguments: [1, 7, 512])
    func `hidden states times the checkpoint's head are the logits`(chunk: Int) throws {
        let ids = try Reference(fixture: "stories260K").inputIDs
        let decoder = try ConvertedModel("stories260K", .f32).decoder { $0.threads = 2 }
        let head = try Self.head(decoder)
        let logits = try decoder.allLogits(ids, chunk: 512)
        decoder.reset(sequence: 0)
        var states: [[Float]] = []
        for start in stride(from: 0, to: ids.count, by: chunk) {
            let tokens = Array(ids[start..<min(start + chunk, ids.count)])
            try decoder.forward([TokenSlice(sequence: 0, tokens: tokens, logits: .states)])
            #expect(decoder.logitRowCount == 0)
            #expect(decoder.stateRowCount == tokens.count)
            states += (0..<decoder.stateRowCount).map { decoder.copyStates(row: $0) }
        }
        #expect(states.count == ids.count)
        for (state, expected) in zip(states, logits) {
            let largest = expected.map(abs).max() ?? 0
            for (row, logit) in zip(head, expected) {
                let product = zip(row, state).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
                #expect(abs(product - Double(logit)) <= 1e-5 * Double(largest))
            }
        }
    }

    @Test(arguments: ["mistral-sliding-window", "llama-rope-linear-bias"], Preset.allCases)
    func `states and logits of a mixed batch are those of each alone`(name: String, preset: Preset) throws {
        let ids = try Reference(fixture: name).inputIDs
        let model = try ConvertedModel(name, preset)
        let logits = try model.decoder().append(ids[...], chunk: 512)
        let alone = try model.decoder()
        try alone.forward([TokenSlice(sequence: 0, tokens: ids, logits: .states)])
        let states = (0..<ids.count).map { alone.copyStates(row: $0) }
        #expect(Set(states.map(\.count)) == [model.file.header.shape.hiddenWidth])
        for threads in [1, 2, 3] {
            let decoder = try model.decoder {
                $0.threads = threads
                $0.sequenceCount = 4
            }
            try decoder.forward([
                TokenSlice(sequence: 0, tokens: Array(ids.prefix(9)), logits: .states),
                TokenSlice(sequence: 1, tokens: Array(ids.prefix(5)), logits: .last),
                TokenSlice(sequence: 2, tokens: Array(ids.prefix(1)), logits: .states),
                TokenSlice(sequence: 3, tokens: Array(ids.prefix(3)), logits: .all),
            ])
            #expect(decoder.logitBits == [logits[4], logits[0], logits[1], logits[2]])
            #expect(decoder.stateRowCount == 10)
            #expect((0..<10).map { decoder.copyStates(row: $0) } == Array(states.prefix(9)) + [states[0]])
            // One row of logits alone takes another way to its norm.
            try decoder.forward([
                TokenSlice(sequence: 0, tokens: [ids[9]], logits: .states),
                TokenSlice(sequence: 2, tokens: [ids[1]], logits: .last),
            ])
            #expect(decoder.logitBits == [logits[1]])
            #expect(decoder.copyStates(row: 0) == states[9])
        }
    }
}
