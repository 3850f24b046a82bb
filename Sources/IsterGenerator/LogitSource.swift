public import IsterDecoder
import IsterModelFile

/// What the generator needs of a decoder: token ids in, logits out, for numbered sequences. `Decoder` is the real one;
/// tests use a table.
public protocol LogitSource: SendableMetatype {
    var vocabularySize: Int { get }
    /// Positions that a sequence can hold.
    var contextLength: Int { get }
    /// Most tokens of one `forward`.
    var batchRows: Int { get }
    func length(ofSequence slot: Int) -> Int
    func reset(sequence slot: Int)
    /// Appends tokens to sequences; a throw leaves them as they were.
    func forward(_ slices: [TokenSlice]) throws(DecoderError)
    /// Row `row` of the logits that the last `forward` was asked for, [vocabularySize].
    func withLogits<Result>(row: Int, _ body: (Span<Float>) throws -> Result) rethrows -> Result
}

extension Decoder: LogitSource {
    public var vocabularySize: Int { shape.vocabularySize }
}
