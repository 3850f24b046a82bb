internal import CIsterKernels
public import IsterModelFile

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
    /// Weights that do not lie in the mapped file: `WeightCopyRule`.
    var copiedWeightBytes: Int { weights.copied?.bytes ?? 0 }
    /// The part of the weights that lies in pages of 2 MiB.
    public var hugePageFraction: Double { weights.hugePageFraction }
    /// Rows of logits and of hidden states that the last forward call left.
    public private(set) var logitRowCount = 0
    public private(set) var stateRowCount = 0

    /// Called with the inputs of every matrix while a forward call runs; nil for none.
    public var observer: ActivationObserver? {
        didSet {
            observerBox = unsafe observer.map { unsafe ObserverBox($0) }
            unsafe pass.observer = unsafe observerBox.map { unsafe Unmanaged.passUnretained($0) }
        }
    }

    private var observerBox: ObserverBox?
    private let weights: Weights
    let cache: KeyValueCache
    private let scratch: Scratch
    private let rotaryTables: [RotaryTable]
    private let team: Team
    private let rows: RowTables
    private var pass: ForwardPass
    var lengths: [Int]
    /// Tokens that the layer with the widest sliding window sees; nil when a layer sees every position.
    public let widestWindow: Int?

    public init(_ file: ModelFile, options: DecoderOptions = DecoderOptions()) throws(DecoderError) {
        let shape = file.header.shape
        try options.check()
        self.shape = shape
        contextLength = options.contextLength ?? shape.contextLength
        sequenceCount = options.sequenceCount
        batchRows = min(options.batchRows, contextLength * sequenceCount)
        threads = ThreadBudget.ofThisMachine(requested: options.threads)
        let kernels = try unsafe Machine.kernels(named: options.instructionSet)
        instructionSet = unsafe String(cString: kernels.pointee.name)
        weights = try Weights(file)
        cacheFormat = options.cacheFormat ?? .default(for: file)
        cache = try KeyValueCache(
            shape, format: cacheFormat, sequenceCount: sequenceCount, positions: contextLength, batchRows: batchRows,
            blockCount: options.cacheBlockCount)
        let dimensions = Dimensions(shape)
        let segment = Int(ISTER_SEGMENT)
        scratch = try Scratch(
            dimensions, rows: batchRows, workers: threads.count, segments: (contextLength + segment - 1) / segment)
        var tables: [RotaryTable] = []
        for rotary in shape.rotaries {
            tables.append(try RotaryTable(rotary, headWidth: shape.headWidth, positions: contextLength))
        }
        rotaryTables = tables
        team = try Team(workers: threads.count, nodes: options.memoryNodes ?? Machine.memoryNodes)
        if options.populatesCache { cache.populate(team) }
        try weights.copy(team, options)
        rows = RowTables(batchRows: batchRows, workers: threads.count, rotaries: tables)
        lengths = Array(repeating: 0, count: sequenceCount)
        widestWindow = shape.widestWindow
        unsafe pass = ForwardPass(
            dimensions: dimensions, kernels: kernels, layers: weights.layers.baseAddress!,
            embedding: weights.embedding, norm: weights.norm, head: weights.head, isInteger: weights.isInteger,
            buffers: scratch.buffers, caches: cache.views.baseAddress!, sequenceCount: sequenceCount,
            rotaries: rows.rotaries, tokens: rows.tokens, positions: rows.positions, sequences: rows.sequences,
            tiles: rows.tiles, logitRows: rows.logitRows, stateRows: rows.stateRows, notFinite: rows.notFinite,
            running: 0..<shape.layerCount)
    }

    /// Bytes of the activations and logits of a forward call with `rows` tokens, `logitRows` of which ask for logits.
    public static func rowBytes(_ shape: ModelShape, rows: Int, logitRows: Int) -> Int {
        Scratch.bytes(Dimensions(shape), rows: rows, logitRows: logitRows)
    }

    /// Memory has several nodes, and copies of the weights for them would have been made had there been room.
    public var lacksRoomForCopies: Bool { weights.lacksRoomForCopies }

    /// Threads that took part in the last forward call: fewer than `threads` for a while where waiting for all of them
    /// is slower.
    public var threadsOfLastCall: Int { team.workersOfLastRun }

    /// Tokens that a sequence holds.
    public func length(ofSequence sequence: Int) -> Int { lengths[sequence] }

    /// Forgets a sequence's tokens, and which blocks of a paged cache were its own.
    public func reset(sequence: Int) {
        lengths[sequence] = 0
        cache.blockTables?.clear(sequence: sequence)
    }

    /// Forgets a sequence's tokens from position `length` on. False, and nothing is forgotten, when the sequence is
    /// longer than a layer's window: its ring may no longer hold what the positions before `length` saw. A paged cache
    /// has no rings.
    public func truncate(sequence: Int, to length: Int) -> Bool {
        precondition(length >= 0 && length <= lengths[sequence])
        let fitsWindows = shape.layers.allSatisfy { layer in layer.window.map { lengths[sequence] <= $0 } ?? true }
        if fitsWindows || length == lengths[sequence] || cache.blockTables != nil {
            lengths[sequence] = length
            return true
        }
        return false
    }

    /// Runs tokens of one or several sequences through the model in one call; each continues at its sequence's length.
    /// A throw leaves the sequences as they were, `notFinite` and `fileChanged` included.
    public func forward(_ slices: [TokenSlice]) throws(DecoderError) {
        try forward(slices, layers: 0..<shape.layerCount, residuals: [])
    }

    /// Runs some layers only, for whoever looks at a model a few layers at a time; a sequence must run them all before
    /// it is gone on with otherwise. Without the last layer there are neither logits nor states.
    /// residuals: [tokens of the slices][hiddenWidth] as an observer saw `residual` before the first of `layers`; not
    /// read when that is layer 0, since there the tokens are looked up.
    public func forward(
        _ slices: [TokenSlice], layers: Range<Int>, residuals: [Float]
    ) throws(DecoderError) {
        precondition(layers.lowerBound >= 0 && layers.upperBound <= shape.layerCount)
        try check(slices)
        plan(slices)
        pass.running = layers
        if layers.lowerBound > 0 { fillResidual(residuals) }
        // The others wait for an observer, which is no reason to go on with fewer.
        if observerBox != nil { team.recall() }
        unsafe team.run(&pass) { context, team, index in
            let pass = unsafe context.assumingMemoryBound(to: ForwardPass.self)
            var worker = unsafe Worker(team: team, index: index, phase: pass.pointee.phase)
            unsafe pass.pointee.run(&worker)
        }
        pass.phase &+= pass.phaseCount
        logitRowCount = 0
        stateRowCount = 0
        if let failure = failure() {
            for slice in slices {
                let start = lengths[slice.sequence]
                unsafe cache.erase(
                    sequence: slice.sequence, positions: start..<start + slice.tokens.count, pass.kernels)
            }
            throw failure
        }
        if layers.upperBound == shape.layerCount {
            logitRowCount = pass.logitRowCount
            stateRowCount = pass.stateRowCount
        }
        for slice in slices { lengths[slice.sequence] += slice.tokens.count }
    }

    /// Why what a call computed must not be used. A file that shrank was read as zeros, which may be taken for numbers.
    private func failure() -> DecoderError? {
        let sawNotFinite = rows.sawNotFinite()
        if weights.isFileDamaged { return .fileChanged }
        return sawNotFinite ? .notFinite : nil
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

    /// One row of hidden states of the last call, [hiddenWidth]: the final norm's output of each token of the slices
    /// that asked for `states`, in their order.
    public func withStates<R>(row: Int, _ body: (Span<Float>) throws -> R) rethrows -> R {
        precondition(row >= 0 && row < stateRowCount)
        let start = unsafe UnsafeBufferPointer(
            start: scratch.buffers.final.row(logitRowCount + row), count: shape.hiddenWidth)
        return try body(unsafe start.span)
    }

    private func check(_ slices: [TokenSlice]) throws(DecoderError) {
        var seen: Set<Int> = []
        var total = 0
        for slice in slices {
            try check(sequence: slice.sequence)
            guard seen.insert(slice.sequence).inserted else { throw .repeatedSequence(sequence: slice.sequence) }
            if let bad = slice.tokens.first(where: { $0 < 0 || Int($0) >= shape.vocabularySize }) {
                throw .tokenOutOfRange(found: bad, vocabularySize: shape.vocabularySize)
            }
            let length = lengths[slice.sequence]
            let needed = length + slice.tokens.count
            if needed > contextLength { throw .contextFull(needed: needed, contextLength: contextLength) }
            if !slice.tokens.isEmpty {
                try cache.blockTables?.check(
                    sequence: slice.sequence, positions: positionsBehindWindows(length: length)..<needed)
            }
            total += slice.tokens.count
        }
        if total > batchRows { throw .batchTooLarge(rows: total, batchRows: batchRows) }
    }

    /// Writes the tables of this call: a row a token, tiles for attention, rows of logits.
    private func plan(_ slices: [TokenSlice]) {
        let tileTokens = max(Int(ISTER_QUERY_TILE) / pass.dimensions.groupSize, 1)
        let heads = pass.dimensions.keyValueHeadCount * pass.dimensions.headTiles
        var sequences: [(items: Int, positions: Int)] = []
        rows.clear()
        for slice in slices {
            let start = lengths[slice.sequence]
            let end = start + slice.tokens.count
            let tiles = rows.tileCount
            for table in rotaryTables { table.extend(to: end) }
            rows.append(slice, start: start, tileTokens: tileTokens)
            sequences.append(((rows.tileCount - tiles) * heads, end))
        }
        pass.rowCount = rows.rowCount
        pass.tileCount = rows.tileCount
        pass.hasLoneTiles = rows.tileCount == slices.count { !$0.tokens.isEmpty }
        pass.split = AttentionSplit(sequences, workers: threads.count, most: scratch.buffers.partialCount)
        pass.logitRowCount = rows.logitRowCount
        pass.stateRowCount = rows.stateRowCount
    }

    private func fillResidual(_ rows: [Float]) {
        let width = shape.hiddenWidth
        precondition(rows.count == pass.rowCount * width)
        unsafe rows.withUnsafeBufferPointer { source in
            guard let start = source.baseAddress else { return }
            for row in 0..<pass.rowCount {
                let target = unsafe scratch.buffers.residual + row * scratch.buffers.residualStride
                unsafe target.update(from: start + row * width, count: width)
            }
        }
    }
}
