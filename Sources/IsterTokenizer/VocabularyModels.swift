extension Vocabulary {
    /// SentencePiece BPE: the adjacent pair whose joined piece has the highest score merges first, ties go left.
    public struct SentencePieceModel: Sendable, Equatable {
        /// One for each of the model's pieces, which are the first ids; higher merges earlier. Ids after them are
        /// added tokens only.
        public var scores: [Float]
        /// As many as scores. A user-defined piece that is an added token is that only: the model does not match it.
        public var types: [PieceType]
        /// Characters without a piece become byte pieces `<0x00>`...`<0xFF>`.
        public var byteFallback: Bool
        public var prefix: PrefixScheme
        /// Leading and trailing spaces go, runs of spaces become one.
        public var removesExtraWhitespace: Bool
        /// Spaces are written U+2581.
        public var escapesWhitespace: Bool

        public init(
            scores: [Float], types: [PieceType], byteFallback: Bool, prefix: PrefixScheme = .always,
            removesExtraWhitespace: Bool = false, escapesWhitespace: Bool = true
        ) {
            self.scores = scores
            self.types = types
            self.byteFallback = byteFallback
            self.prefix = prefix
            self.removesExtraWhitespace = removesExtraWhitespace
            self.escapesWhitespace = escapesWhitespace
        }
    }

    /// Numbers as in sentencepiece_model.proto and in GGUF's `tokenizer.ggml.token_type`.
    public enum PieceType: UInt8, Sendable, Equatable {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    /// BPE with a list of merges: the earliest merge of the list is applied first, ties go left.
    public struct MergeModel: Sendable, Equatable {
        /// Rank is the index.
        public var merges: [Merge]
        /// A word that is a piece is taken whole, whatever the merges say.
        public var ignoresMerges: Bool
        public var byteFallback: Bool
        /// A run of unknown characters is one unknown token.
        public var fusesUnknown: Bool
        /// Stands for characters without a piece; nil drops them.
        public var unknownID: Int32?
        public var normalizers: [Normalizer]
        public var preTokenizer: PreTokenizer
        /// Bytes are written in the printable alphabet before merging.
        public var isByteLevel: Bool
        /// Byte-level only: a space is put before each stretch of text that does not begin with one.
        public var addsPrefixSpace: Bool

        public init(
            merges: [Merge], ignoresMerges: Bool = false, byteFallback: Bool = false, fusesUnknown: Bool = false,
            unknownID: Int32? = nil, normalizers: [Normalizer] = [], preTokenizer: PreTokenizer,
            isByteLevel: Bool, addsPrefixSpace: Bool = false
        ) {
            self.merges = merges
            self.ignoresMerges = ignoresMerges
            self.byteFallback = byteFallback
            self.fusesUnknown = fusesUnknown
            self.unknownID = unknownID
            self.normalizers = normalizers
            self.preTokenizer = preTokenizer
            self.isByteLevel = isByteLevel
            self.addsPrefixSpace = addsPrefixSpace
        }
    }

    /// `left` beside `right` becomes `result`, whose spelling is the two joined.
    public struct Merge: Sendable, Equatable {
        public var left: Int32
        public var right: Int32
        public var result: Int32

        public init(left: Int32, right: Int32, result: Int32) {
            self.left = left
            self.right = right
            self.result = result
        }
    }

    public enum Normalizer: Sendable, Equatable {
        /// Put before text that is not empty.
        case prepend([UInt8])
        /// Every occurrence, from the left, without overlap.
        case replace(pattern: [UInt8], with: [UInt8])
    }

    /// How text is cut into words; merges never cross a cut.
    public enum PreTokenizer: Sendable, Equatable {
        case none
        case gpt2
        case llama3
        case qwen2
        /// Each number character alone, then the GPT-2 rule on what lies between (SmolLM2).
        case digitsGPT2
        /// Spaces become U+2581; with `splits`, each starts a new word.
        case metaspace(prefix: PrefixScheme, splits: Bool)
    }
}
