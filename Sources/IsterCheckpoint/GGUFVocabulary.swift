/// The keys `tokenizer.ggml.*` of a GGUF file as they stand there.
struct GGUFVocabulary: Sendable, Equatable {
    /// `tokenizer.ggml.model`: "llama" is SentencePiece BPE, "gpt2" is byte-level BPE.
    var model: String
    /// `tokenizer.ggml.pre`: name of the pre-tokenizer of a byte-level vocabulary.
    var preTokenizer: String?
    /// Pieces by id.
    var tokens: [[UInt8]]
    /// One score an id, or nil.
    var scores: [Float]?
    /// One type an id: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte. Or nil.
    var types: [Int]?
    /// "left right", best first.
    var merges: [[UInt8]]?
    var bosID: Int?
    var eosID: Int?
    var unknownID: Int?
    var paddingID: Int?
    var addsBOS: Bool?
    var addsEOS: Bool?
    var addsSpacePrefix: Bool?
    var removesExtraSpaces: Bool?
}
