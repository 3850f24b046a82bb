/// Everything that decides how text becomes ids and back, as plain data. Id i is spelled `pieces[i]`.
public struct Vocabulary: Sendable, Equatable {
    /// Spelling of each id as the tokenizer's files have it: byte-level pieces in their printable alphabet,
    /// SentencePiece's with U+2581 for a space.
    public var pieces: PieceList
    public var model: Model
    public var decoder: Decoder
    /// Tokens found in the text before the model sees it.
    public var addedTokens: [AddedToken]
    public var bosID: Int32?
    public var eosID: Int32?
    public var unknownID: Int32?
    public var paddingID: Int32?
    /// Ids that special-token adding puts before and after the text.
    public var prefixIDs: [Int32]
    public var suffixIDs: [Int32]

    public init(
        pieces: PieceList, model: Model, decoder: Decoder, addedTokens: [AddedToken] = [], bosID: Int32? = nil,
        eosID: Int32? = nil, unknownID: Int32? = nil, paddingID: Int32? = nil, prefixIDs: [Int32] = [],
        suffixIDs: [Int32] = []
    ) {
        self.pieces = pieces
        self.model = model
        self.decoder = decoder
        self.addedTokens = addedTokens
        self.bosID = bosID
        self.eosID = eosID
        self.unknownID = unknownID
        self.paddingID = paddingID
        self.prefixIDs = prefixIDs
        self.suffixIDs = suffixIDs
    }

    public var addsBOS: Bool { bosID.map { prefixIDs.contains($0) } ?? false }
    public var addsEOS: Bool { eosID.map { suffixIDs.contains($0) } ?? false }

    public enum Model: Sendable, Equatable {
        case sentencePiece(SentencePieceModel)
        case merges(MergeModel)
    }

    /// A token that is cut out of the text; its spelling is `pieces[id]`.
    public struct AddedToken: Sendable, Equatable {
        public var id: Int32
        /// Found only when special tokens are parsed; left out of decoded text on request.
        public var isSpecial: Bool
        /// Takes the white space before and after it along.
        public var stripsLeft: Bool
        public var stripsRight: Bool
        /// Matches only where no word character touches it.
        public var isSingleWord: Bool
        /// Searched in the normalized text rather than in the raw one.
        public var isNormalized: Bool

        public init(
            id: Int32, isSpecial: Bool, stripsLeft: Bool = false, stripsRight: Bool = false,
            isSingleWord: Bool = false, isNormalized: Bool = false
        ) {
            self.id = id
            self.isSpecial = isSpecial
            self.stripsLeft = stripsLeft
            self.stripsRight = stripsRight
            self.isSingleWord = isSingleWord
            self.isNormalized = isNormalized
        }
    }

    /// How pieces become text.
    public enum Decoder: Sendable, Equatable {
        /// Characters of the byte alphabet stand for bytes.
        case byteLevel
        /// U+2581 stands for a space, byte pieces for their byte.
        case sentencePiece(LeadingSpace)
    }

    /// What happens to the space that encoding put before the text.
    public enum LeadingSpace: Sendable, Equatable {
        case keep
        /// Up to `count` spaces leave the start of the text (the `Strip` decoder of tokenizer.json).
        case dropFromText(count: UInt8)
        /// The first piece with text loses one leading U+2581; with `all`, so do the pieces after it
        /// until there is text (the rule of the sentencepiece library).
        case dropFromPieces(all: Bool)
    }

    /// Where a space is put before the text.
    public enum PrefixScheme: UInt8, Sendable, Equatable {
        case never
        /// Before each stretch of text between added tokens.
        case always
        /// Only at the very start of the text.
        case first
    }
}
