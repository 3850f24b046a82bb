import IsterDecoder
import IsterGenerator
import IsterModelFile
import IsterQuantizer
import IsterTokenizer
import Testing

struct OwnTextTests {
    private func chunks(_ model: ConvertedModel, sequences: Int) throws -> [[Int32]] {
        let decoder = try model.decoder {
            $0.contextLength = 24
            $0.sequenceCount = sequences
            $0.batchRows = sequences * 2
        }
        return try OwnText(decoder, Vocabulary(encodedBytes: model.file.tokenizerBytes)).chunks(5, length: 24)
    }

    @Test func `texts are the same however many are written side by side`() throws {
        let model = try ConvertedModel("stories260K", .q8)
        let alone = try chunks(model, sequences: 1)
        #expect(alone.map(\.count) == [24, 24, 24, 24, 24])
        #expect(Set(alone).count == 5)
        #expect(try chunks(model, sequences: 3) == alone)
        #expect(try chunks(model, sequences: 8) == alone)
    }

    @Test func `texts begin as the vocabulary wants, with a token that is not special`() throws {
        let model = try ConvertedModel("stories260K", .q8)
        let vocabulary = try Vocabulary(encodedBytes: model.file.tokenizerBytes)
        let bos = try #require(vocabulary.bosID)
        let special = Set(vocabulary.addedTokens.filter(\.isSpecial).map(\.id))
        for text in try chunks(model, sequences: 2) {
            #expect(text[0] == bos)
            #expect(!special.contains(text[1]))
            #expect(text.allSatisfy { $0 >= 0 && $0 < 512 })
        }
    }
}
