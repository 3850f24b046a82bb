internal import CIsterKernels

/// One worker's view of the running call.
@safe struct Worker {
    let team: OpaquePointer
    let index: Int
    /// Counts distributions; equal on all workers.
    var phase: UInt32
}

/// Tokens of one sequence that are attended together.
struct AttentionTile {
    let sequence: Int
    let row: Int
    let tokens: Int
}

/// One forward call: pointers and sizes only, so that nothing is retained or allocated while it runs. Every worker
/// runs `run` from start to end on its share (SPMD) and waits after each distribution until its items are done.
@safe struct ForwardPass {
    let dimensions: Dimensions
    let kernels: UnsafePointer<ister_kernels>
    let layers: UnsafeMutablePointer<LayerWeights>
    let embedding: WeightMatrix
    let norm: UnsafePointer<Float>
    let head: WeightMatrix
    let isInteger: Bool
    let buffers: Buffers
    /// [layer][sequence]
    let caches: UnsafeMutablePointer<ister_cache>
    let sequenceCount: Int
    /// [rotary setting]
    let rotaries: UnsafeMutablePointer<RotaryView>
    /// [row]
    let tokens: UnsafeMutablePointer<Int32>
    let positions: UnsafeMutablePointer<Int>
    let sequences: UnsafeMutablePointer<Int>
    let tiles: UnsafeMutablePointer<AttentionTile>
    /// Rows whose logits are wanted.
    let logitRows: UnsafeMutablePointer<Int>
    /// Rows whose final norm is wanted.
    let stateRows: UnsafeMutablePointer<Int>
    /// [worker]: not 0 when a worker met an activation that is not finite.
    let notFinite: UnsafeMutablePointer<Int32>
    /// Not owned: the decoder keeps it alive.
    var observer: Unmanaged<ObserverBox>?
    var rowCount = 0
    var tileCount = 0
    /// Whether each sequence of the call has one tile, so that no tile needs keys that another one stores.
    var hasLoneTiles = false
    var split = AttentionSplit()
    var logitRowCount = 0
    var stateRowCount = 0
    /// Layers that the call runs, usually all. One that does not begin with the first finds the residual stream filled.
    var running: Range<Int>
    /// Phase before the first distribution.
    var phase: UInt32 = 0

    @safe struct RotaryView {
        let cosines: UnsafeMutablePointer<Float>
        let sines: UnsafeMutablePointer<Float>
    }

    /// Most distributions of one call, observations included: the next call's phases start after them.
    var phaseCount: UInt32 { UInt32(dimensions.layerCount * 16 + 6) }

    func run(_ worker: inout Worker) {
        if running.lowerBound == 0 { embed(&worker) }
        for layer in running {
            observeResidual(&worker, before: layer)
            attention(&worker, layer)
            feedForward(&worker, layer)
        }
        observeResidual(&worker, before: running.upperBound)
        guard running.upperBound == dimensions.layerCount else { return }
        states(&worker)
        logits(&worker)
    }

    /// x = embedding[token] * embeddingScale
    private func embed(_ worker: inout Worker) {
        distribute(&worker, items: rowCount, grain: 1) { row in
            let x = unsafe buffers.residual + row * buffers.residualStride
            let token = unsafe Int(tokens[row])
            let matrix = unsafe embedding.matrix
            let panel = unsafe matrix.panels + token / 16 * ister_panel_bytes(matrix.format, matrix.columns)
            unsafe ister_unpack_row(matrix.format, panel, matrix.columns, token % 16, x)
            if dimensions.embeddingScale != 1 {
                for i in 0..<dimensions.hidden { unsafe x[i] *= dimensions.embeddingScale }
            }
        }
    }

    /// final = norm(x) of the rows whose states are wanted, after those whose logits are.
    private func states(_ worker: inout Worker) {
        guard stateRowCount > 0 else { return }
        let index = worker.index
        distribute(&worker, items: stateRowCount, grain: 1) { item in
            let x = unsafe buffers.residual + stateRows[item] * buffers.residualStride
            let state = unsafe buffers.final.row(logitRowCount + item)
            unsafe normalize(x, norm, state)
            unsafe check(state, dimensions.hidden, index)
        }
    }

    /// logits = head(norm(x)) of the rows whose logits are wanted, checked: an activation is found not finite where it
    /// is quantized for the next matrix, but nothing comes after the head.
    private func logits(_ worker: inout Worker) {
        let input = unsafe normed(&worker, of: logitRows, count: logitRowCount, norm, into: buffers.final, .head)
        let product = unsafe Product(
            head, into: buffers.logits, stride: buffers.logitStride, checkedRows: dimensions.vocabularySize)
        multiply(&worker, input, rows: logitRowCount, product)
    }
}

extension ForwardPass {
    /// Calls `body` for the items of 0..<items that fall to this worker, then waits until all are done.
    @inline(__always)
    func distribute(_ worker: inout Worker, items: Int, grain: Int, _ body: (Int) -> Void) {
        distribute(&worker, items: items, grain: grain) { begin, end in
            for item in begin..<end { body(item) }
        }
    }

    /// `prepare` runs once before the worker's first share: what it reads stays as it is while that share is open.
    @inline(__always)
    func distribute(
        _ worker: inout Worker, items: Int, grain: Int, prepare: () -> Void = {},
        _ body: (_ begin: Int, _ end: Int) -> Void
    ) {
        worker.phase &+= 1
        var isPrepared = false
        while true {
            let share = unsafe ister_team_claim(worker.team, worker.index, worker.phase, items, grain)
            if share.begin == share.end { break }
            if !isPrepared { prepare() }
            isPrepared = true
            body(share.begin, share.end)
            unsafe ister_team_complete(worker.team, worker.phase, items, share.end - share.begin)
        }
        unsafe ister_team_wait(worker.team, worker.index, worker.phase, items)
    }

    @inline(__always)
    func report(_ notFiniteStatus: Int32, _ workerIndex: Int) {
        if notFiniteStatus != 0 { unsafe notFinite[workerIndex * 32] = 1 }
    }

    /// Reports values that are not finite. The sign bit of the sum is set when an exponent is all ones; no early end,
    /// so that the loop is vectorized.
    @inline(__always)
    func check(_ values: UnsafePointer<Float>, _ count: Int, _ workerIndex: Int) {
        var seen: UInt32 = 0
        for i in 0..<count { unsafe seen |= (values[i].bitPattern & 0x7F80_0000) &+ 0x0080_0000 }
        report(Int32(seen >> 31), workerIndex)
    }

    /// Fills the int8 side of one row; nothing to do when all matrices are floats.
    @inline(__always)
    func quantize(_ a: Activations, _ row: Int, _ workerIndex: Int) {
        quantize(a, row, workerIndex, columns: 0..<a.columns)
    }

    /// The same for some columns, whole steps of ISTER_STEP.
    @inline(__always)
    func quantize(_ a: Activations, _ row: Int, _ workerIndex: Int, columns: Range<Int>) {
        guard isInteger else { return }
        let step = columns.lowerBound / Int(ISTER_STEP)
        let status = unsafe kernels.pointee.quantize_row(
            a.row(row) + columns.lowerBound, columns.count, a.values + row * a.valueStride + columns.lowerBound,
            a.scales + row * a.stepCount + step,
            a.subblockOffsets + row * (a.columns / 16) + columns.lowerBound / 16,
            a.stepOffsets + row * a.stepCount + step)
        report(status, workerIndex)
    }
}
