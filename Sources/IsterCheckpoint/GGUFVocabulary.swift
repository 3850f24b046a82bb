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

    static let prefix = "tokenizer.ggml."

    /// Lists that are read. Other arrays of a file are stepped over.
    static let arrayKeys = Set(["tokens", "scores", "token_type", "merges"].map { prefix + $0 })

    /// Keys that are read, and those that name tokens of tasks that Ister does not do.
    static let knownKeys = arrayKeys.union(
        [
            "model", "pre", "bos_token_id", "eos_token_id", "eot_token_id", "eom_token_id", "unknown_token_id",
            "padding_token_id", "add_bos_token", "add_eos_token", "add_space_prefix", "remove_extra_whitespaces",
            "seperator_token_id", "cls_token_id", "mask_token_id", "prefix_token_id", "suffix_token_id",
            "middle_token_id", "fim_pre_token_id", "fim_suf_token_id", "fim_mid_token_id", "fim_pad_token_id",
            "fim_rep_token_id", "fim_sep_token_id",
        ].map { prefix + $0 })
}
