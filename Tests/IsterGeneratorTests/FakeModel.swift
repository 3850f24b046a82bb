import IsterDecoder
import IsterGenerator
import Synchronization

/// A model whose next token is the last token plus one, modulo the vocabulary: its logits fall with the distance from
/// there, and its hidden states are the token and its position. Records its calls.
final class FakeModel: LogitSource, Sendable {
    struct Record {
        var calls: [[TokenSlice]] = []
        var lengths: [Int]
        var rows: [Int32] = []
        var states: [[Float]] = []
        var threads: Set<UInt> = []
        var assignments = 0
    }

    let vocabularySize: Int
    let contextLength: Int
    let batchRows: Int
    let sequenceCount: Int
    let blockCount: Int
    let hiddenWidth = 2
    /// A slice with this token cannot be computed.
    let poison: Int32?
    /// Called before each forward call with the number of earlier ones.
    let beforeForward: @Sendable (Int) -> Void
    let record: Mutex<Record>

    init(
        vocabularySize: Int = 10, contextLength: Int = 1000, batchRows: Int = 512, sequenceCount: Int = 1,
        blockCount: Int = 0, poison: Int32? = nil, beforeForward: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
        self.batchRows = batchRows
        self.sequenceCount = sequenceCount
        self.blockCount = blockCount
        self.poison = poison
        self.beforeForward = beforeForward
        record = Mutex(Record(lengths: Array(repeating: 0, count: sequenceCount)))
    }

    var calls: [[TokenSlice]] { record.withLock { $0.calls } }
    var sliceLengths: [Int] { calls.flatMap { $0.map(\.tokens.count) } }
    var threads: Set<UInt> { record.withLock { $0.threads } }

    func reset(sequence: Int) { record.withLock { $0.lengths[sequence] = 0 } }

    func assign(blocks: [Int32], toSequence sequence: Int, from index: Int) throws(DecoderError) {
        record.withLock { $0.assignments += 1 }
    }

    func begin(sequence: Int, length: Int) throws(DecoderError) {
        record.withLock { $0.lengths[sequence] = length }
    }

    func forward(_ slices: [TokenSlice]) throws(DecoderError) {
        beforeForward(calls.count)
        let thread = currentThread()
        let isPoisoned = slices.contains { slice in slice.tokens.contains { $0 == poison } }
        record.withLock { state in
            state.threads.insert(thread)
            state.calls.append(slices)
            guard !isPoisoned else { return }
            state.rows = []
            state.states = []
            for slice in slices { append(slice, &state) }
        }
        if isPoisoned { throw .notFinite }
    }

    private func append(_ slice: TokenSlice, _ state: inout Record) {
        for (offset, token) in slice.tokens.enumerated() {
            let isLast = offset == slice.tokens.count - 1
            if slice.logits == .all || (slice.logits == .last && isLast) { state.rows.append(token) }
            let position = state.lengths[slice.sequence] + offset
            if slice.logits == .states { state.states.append([Float(token), Float(position)]) }
        }
        state.lengths[slice.sequence] += slice.tokens.count
    }

    func withLogits<Result>(row: Int, _ body: (Span<Float>) throws -> Result) rethrows -> Result {
        let next = (Int(record.withLock { $0.rows[row] }) + 1) % vocabularySize
        let logits = (0..<vocabularySize).map { id in
            -Float((id - next + vocabularySize) % vocabularySize)
        }
        return try body(logits.span)
    }

    func withStates<Result>(row: Int, _ body: (Span<Float>) throws -> Result) rethrows -> Result {
        let states = record.withLock { $0.states[row] }
        return try body(states.span)
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
