import IsterDecoder
import IsterGenerator
import Synchronization

/// A model whose next token is the last token plus one, modulo the vocabulary: its logits fall with the distance from
/// there. Records its calls.
final class FakeModel: LogitSource, Sendable {
    struct Record {
        var lengths: [Int] = []
        var length = 0
        var last: Int32 = 0
        var threads: Set<UInt> = []
    }

    let vocabularySize: Int
    let contextLength: Int
    let batchRows: Int
    /// Called before each forward call with the number of earlier ones.
    let beforeForward: @Sendable (Int) -> Void
    let record = Mutex(Record())

    init(
        vocabularySize: Int = 10, contextLength: Int = 1000, batchRows: Int = 512,
        beforeForward: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
        self.batchRows = batchRows
        self.beforeForward = beforeForward
    }

    var sliceLengths: [Int] { record.withLock { $0.lengths } }
    var threads: Set<UInt> { record.withLock { $0.threads } }

    func length(ofSequence slot: Int) -> Int { record.withLock { $0.length } }

    func reset(sequence slot: Int) { record.withLock { $0.length = 0 } }

    func forward(_ slices: [TokenSlice]) throws(DecoderError) {
        beforeForward(sliceLengths.count)
        let thread = currentThread()
        record.withLock { state in
            state.threads.insert(thread)
            for slice in slices {
                state.lengths.append(slice.tokens.count)
                state.length += slice.tokens.count
                state.last = slice.tokens.last ?? 0
            }
        }
    }

    func withLogits<Result>(row: Int, _ body: (Span<Float>) throws -> Result) rethrows -> Result {
        let next = (Int(record.withLock { $0.last }) + 1) % vocabularySize
        let logits = (0..<vocabularySize).map { id in
            -Float((id - next + vocabularySize) % vocabularySize)
        }
        return try body(logits.span)
    }
}

/// Gives each id a piece of text; a piece may be bytes that are no whole character.
struct FakeText: TextStream {
    var pieces: [[UInt8]]
    var waiting: [UInt8] = []

    init(_ pieces: [String]) {
        self.pieces = pieces.map { Array($0.utf8) }
    }

    init(bytes: [[UInt8]]) {
        pieces = bytes
    }

    mutating func append(_ id: Int32) -> String {
        waiting += pieces[Int(id) % pieces.count]
        guard let text = String(validating: waiting, as: UTF8.self) else { return "" }
        waiting = []
        return text
    }

    mutating func finish() -> String {
        defer { waiting = [] }
        return String(decoding: waiting, as: UTF8.self)
    }
}
