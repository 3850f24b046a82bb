internal import CIsterKernels
public import IsterModelFile

/// How a decoder is set up. Defaults suit one user on the whole machine.
public struct DecoderOptions: Sendable {
    /// nil: `ThreadBudget` decides.
    public var threads: Int?
    /// Positions that a sequence can hold; nil: the model's context length.
    public var contextLength: Int?
    /// Sequences that are decoded side by side.
    public var sequenceCount = 1
    /// Most tokens of one forward call.
    public var batchRows = 512
    /// nil: f32 for files of floats, f16 else.
    public var cacheFormat: CacheFormat?
    /// A name of `Machine.availableInstructionSets`; nil: what `ISTER_ISA` names, else the best.
    public var instructionSet: String?

    public init() {}
}

/// Which rows of logits a run of tokens asks for.
public enum LogitSelection: Sendable {
    case none
    case last
    case all
}

/// A run of tokens that continues one sequence.
public struct TokenSlice: Sendable {
    public let sequence: Int
    public let tokens: [Int32]
    public let logits: LogitSelection

    public init(sequence: Int, tokens: [Int32], logits: LogitSelection) {
        self.sequence = sequence
        self.tokens = tokens
        self.logits = logits
    }
}

/// Token ids in, logits out. Lives on one thread, the only one that enters the thread team.
///
/// A token's logits depend on the file and the tokens before it, on nothing else: not on the number of threads, the
/// instruction set, the other sequences of a call or the way a prompt is cut into calls.
@safe public final class Decoder {
    public let shape: ModelShape
    public let contextLength: Int
    public let sequenceCount: Int
    public let batchRows: Int
    public let threads: ThreadBudget
    /// Name of the kernel table in use.
    public let instructionSet: String
    public let cacheFormat: CacheFormat
    public var cacheBytes: Int { cache.bytes }
    /// Rows of logits that the last forward call left.
    public private(set) var logitRowCount = 0

    /// Called with the inputs of every matrix while a forward call runs; nil for none.
    public var observer: ActivationObserver? {
        didSet {
            observerBox = unsafe observer.map { unsafe ObserverBox($0) }
            unsafe pass.observer = unsafe observerBox.map { unsafe Unmanaged.passUnretained($0) }
        }
    }

    private var observerBox: ObserverBox?
    private let weights: Weights
    private let cache: KeyValueCache
    private let scratch: Scratch
    private let rotaryTables: [RotaryTable]
    private let team: Team
    private let rows: RowTables
    private var pass: ForwardPass
    private var lengths: [Int]
    /// Sequences whose cache may hold values that are not finite.
    private var spoiled: Set<Int> = []

    public init(_ file: ModelFile, options: DecoderOptions = DecoderOptions()) throws(DecoderError) {
        let shape = file.header.shape
        try Self.validate(options)
        self.shape = shape
        contextLength = options.contextLength ?? shape.contextLength
        sequenceCount = options.sequenceCount
        batchRows = min(options.batchRows, contextLength * sequenceCount)
        threads = ThreadBudget.ofThisMachine(requested: options.threads)
        let kernels = try unsafe Machine.kernels(named: options.instructionSet)
        instructionSet = unsafe String(cString: kernels.pointee.name)
        weights = try Weights(file)
        cacheFormat = options.cacheFormat ?? (weights.isInteger ? .f16 : .f32)
        cache = try KeyValueCache(
            shape, format: cacheFormat, sequenceCount: sequenceCount, positions: contextLength, batchRows: batchRows)
        let dimensions = Dimensions(shape)
        scratch = try Scratch(dimensions, rows: batchRows, workers: threads.count)
        var tables: [RotaryTable] = []
        for rotary in shape.rotaries {
            tables.append(try RotaryTable(rotary, headWidth: shape.headWidth, positions: contextLength))
        }
        rotaryTables = tables
        team = try Team(workers: threads.count)
        rows = RowTables(batchRows: batchRows, workers: threads.count, rotaries: tables)
        lengths = Array(repeating: 0, count: sequenceCount)
        unsafe pass = ForwardPass(
            dimensions: dimensions, kernels: kernels, layers: weights.layers.baseAddress!,
            embedding: weights.embedding, norm: weights.norm, head: weights.head, isInteger: weights.isInteger,
            buffers: scratch.buffers, caches: cache.views.baseAddress!, sequenceCount: sequenceCount,
            rotaries: rows.rotaries, tokens: rows.tokens, positions: rows.positions, sequences: rows.sequences,
            tiles: rows.tiles, logitRows: rows.logitRows, notFinite: rows.notFinite)
    }

    private static func validate(_ options: DecoderOptions) throws(DecoderError) {
        let limits = [
            ("threads", options.threads ?? 1, 1024), ("context length", options.contextLength ?? 1, 1 << 24),
            ("sequence count", options.sequenceCount, 4096), ("batch rows", options.batchRows, 8192),
        ]
        for (name, value, most) in limits where value < 1 || value > most {
            throw .invalidOption(name: name, found: value, needed: "1 to \(most)")
        }
    }

    /// Tokens that a sequence holds.
    public func length(ofSequence sequence: Int) -> Int { lengths[sequence] }

    /// Forgets a sequence's tokens.
    public func reset(sequence: Int) {
        if spoiled.remove(sequence) != nil { cache.clear(sequence: sequence) }
        lengths[sequence] = 0
    }

    /// Forgets a sequence's tokens from position `length` on. False, and nothing is forgotten, when the sequence is
    /// longer than a layer's window: its ring may no longer hold what the positions before `length` saw.
    public func truncate(sequence: Int, to length: Int) -> Bool {
        precondition(length >= 0 && length <= lengths[sequence])
        let fitsWindows = shape.layers.allSatisfy { layer in layer.window.map { lengths[sequence] <= $0 } ?? true }
        if fitsWindows || length == lengths[sequence] {
            lengths[sequence] = length
            return true
        }
        return false
    }

    /// Runs tokens of one or several sequences through the model in one call; each continues at its sequence's length.
    /// After `notFinite` the sequences of the call must be reset before they are used again.
    public func forward(_ slices: [TokenSlice]) throws(DecoderError) {
        try check(slices)
        plan(slices)
        unsafe team.run(&pass) { context, team, index in
            let pass = unsafe context.assumingMemoryBound(to: ForwardPass.self)
            var worker = unsafe Worker(team: team, index: index, phase: pass.pointee.phase)
            unsafe pass.pointee.run(&worker)
        }
        pass.phase &+= pass.phaseCount
        logitRowCount = pass.logitRowCount
        if !isFinite {
            spoiled.formUnion(slices.map(\.sequence))
            throw .notFinite
        }
        for slice in slices { lengths[slice.sequence] += slice.tokens.count }
    }

    /// One row of logits of the last call, [vocabularySize], in the order of its slices.
    public func withLogits<R>(row: Int, _ body: (Span<Float>) throws -> R) rethrows -> R {
        precondition(row >= 0 && row < logitRowCount)
        let buffers = scratch.buffers
        let start = unsafe UnsafeBufferPointer(
            start: buffers.logits + row * buffers.logitStride, count: shape.vocabularySize)
        return try body(unsafe start.span)
    }

    public func copyLogits(row: Int) -> [Float] {
        withLogits(row: row) { span in span.indices.map { span[$0] } }
    }

    private func check(_ slices: [TokenSlice]) throws(DecoderError) {
        var seen: Set<Int> = []
        var total = 0
        for slice in slices {
            guard slice.sequence >= 0, slice.sequence < sequenceCount else {
                throw .sequenceOutOfRange(found: slice.sequence, count: sequenceCount)
            }
            guard seen.insert(slice.sequence).inserted else { throw .repeatedSequence(sequence: slice.sequence) }
            if let bad = slice.tokens.first(where: { $0 < 0 || Int($0) >= shape.vocabularySize }) {
                throw .tokenOutOfRange(found: bad, vocabularySize: shape.vocabularySize)
            }
            let needed = lengths[slice.sequence] + slice.tokens.count
            if needed > contextLength { throw .contextFull(needed: needed, contextLength: contextLength) }
            total += slice.tokens.count
        }
        if total > batchRows { throw .batchTooLarge(rows: total, batchRows: batchRows) }
    }

    /// Writes the tables of this call: a row a token, tiles for attention, rows of logits.
    private func plan(_ slices: [TokenSlice]) {
        let tileTokens = max(16 / pass.dimensions.groupSize, 1)
        rows.clear()
        for slice in slices {
            let start = lengths[slice.sequence]
            for table in rotaryTables { table.extend(to: start + slice.tokens.count) }
            rows.append(slice, start: start, tileTokens: tileTokens)
        }
        pass.rowCount = rows.rowCount
        pass.tileCount = rows.tileCount
        pass.hasLoneTiles = rows.tileCount == slices.count { !$0.tokens.isEmpty }
        pass.logitRowCount = rows.logitRowCount
    }

    /// Integer files check each activation row while quantizing it; float files show it in the logits.
    private var isFinite: Bool {
        if rows.sawNotFinite() { return false }
        if pass.isInteger { return true }
        return (0..<logitRowCount).allSatisfy { row in
            withLogits(row: row) { span in span.indices.allSatisfy { span[$0].isFinite } }
        }
    }
}
