public import IsterDecoder
import IsterModelFile

/// What the generator needs of a decoder: token ids in, logits out, for numbered sequences. `Decoder` is the real one;
/// tests use a table.
public protocol LogitSource: SendableMetatype {
    var vocabularySize: Int { get }
    /// Elements of a row of hidden states.
    var hiddenWidth: Int { get }
    /// Positions that a sequence can hold.
    var contextLength: Int { get }
    /// Most tokens of one `forward`.
    var batchRows: Int { get }
    var sequenceCount: Int { get }
    /// Blocks of `Decoder.blockPositions` positions that the sequences share, numbered from 0; 0: each sequence owns
    /// room for its context, and nothing is assigned.
    var blockCount: Int { get }
    /// Tokens that the layer with the widest sliding window sees, itself included; nil: some layer sees every position.
    var widestWindow: Int? { get }
    /// Forgets a sequence's tokens and blocks.
    func reset(sequence: Int)
    /// `blocks[i]` holds the sequence's positions from (index + i) * `Decoder.blockPositions` on; -1 takes one back.
    func assign(blocks: [Int32], toSequence sequence: Int, from index: Int) throws(DecoderError)
    /// The sequence holds `length` positions from now on, whose keys and values lie in its blocks already.
    func begin(sequence: Int, length: Int) throws(DecoderError)
    /// Appends tokens to sequences; a throw leaves them as they were.
    func forward(_ slices: [TokenSlice]) throws(DecoderError)
    /// Row `row` of the logits that the last `forward` was asked for, [vocabularySize].
    func withLogits<Result>(row: Int, _ body: (Span<Float>) throws -> Result) rethrows -> Result
    /// Row `row` of the hidden states that the last `forward` was asked for, [hiddenWidth]. Counted apart from logits.
    func withStates<Result>(row: Int, _ body: (Span<Float>) throws -> Result) rethrows -> Result
}

extension LogitSource {
    public var widestWindow: Int? { nil }
}

extension Decoder: LogitSource {
    public var vocabularySize: Int { shape.vocabularySize }
    public var hiddenWidth: Int { shape.hiddenWidth }
}
