import IsterServer
import IsterTokenizer

/// A byte-level vocabulary: ids 0 to 255 are bytes, then special tokens and a few words.
enum TestModel {
    static let start: Int32 = 257
    static let end: Int32 = 258
    static let template =
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"

    /// prefix: ids before each text.
    static func tokenizer(prefix: [Int32] = []) throws -> Tokenizer {
        var pieces = (UInt8.min ... .max).map { Array(String(letter($0)).utf8) }
        pieces += ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "he", "ll", "hell", "hello"].map { Array($0.utf8) }
        func id(_ letter: Character) -> Int32 { Int32(letter.asciiValue ?? 0) }
        let merges = [
            Vocabulary.Merge(left: id("h"), right: id("e"), result: 259),
            Vocabulary.Merge(left: id("l"), right: id("l"), result: 260),
            Vocabulary.Merge(left: 259, right: 260, result: 261),
            Vocabulary.Merge(left: 261, right: id("o"), result: 262),
        ]
        let model = Vocabulary.MergeModel(merges: merges, preTokenizer: .gpt2, isByteLevel: true)
        return try Tokenizer(
            Vocabulary(
                pieces: PieceList(pieces), model: .merges(model), decoder: .byteLevel,
                addedTokens: (256...258).map { Vocabulary.AddedToken(id: $0, isSpecial: true) },
                bosID: start, eosID: end, prefixIDs: prefix))
    }

    /// GPT-2's printable letter of a byte.
    private static func letter(_ byte: UInt8) -> Character {
        func isPrintable(_ byte: UInt8) -> Bool {
            (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
        }
        if isPrintable(byte) { return Character(Unicode.Scalar(byte)) }
        let before = (UInt8.min..<byte).count { !isPrintable($0) }
        return Character(Unicode.Scalar(UInt16(256 + before)) ?? "?")
    }

    static func served(
        prefix: [Int32] = [], template: String? = template, defaults: SamplingDefaults = SamplingDefaults()
    ) throws -> ServedModel {
        ServedModel(
            id: "tiny", created: 1_700_000_000, tokenizer: try tokenizer(prefix: prefix), chatTemplate: template,
            endTokens: [end], defaults: defaults, parameterCount: 1234, fileBytes: 5678, trainedContextLength: 128,
            hiddenWidth: 3)
    }
}
