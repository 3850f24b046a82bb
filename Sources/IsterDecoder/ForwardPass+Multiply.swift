internal import CIsterKernels

/// One matrix and the place of its product.
@safe struct Product {
    let weights: WeightMatrix
    let values: UnsafeMutablePointer<Float>
    let stride: Int
    /// Adds to the old values: the residual connection.
    let accumulate: Bool
    /// How many of the product's rows, from the first, are checked for finiteness: those of what nothing checks later.
    let checkedRows: Int

    init(
        _ weights: WeightMatrix, into values: UnsafeMutablePointer<Float>, stride: Int, accumulate: Bool = false,
        checkedRows: Int = 0
    ) {
        self.weights = weights
        unsafe self.values = unsafe values
        self.stride = stride
        self.accumulate = accumulate
        self.checkedRows = checkedRows
    }
}

extension ForwardPass {
    /// Weight bytes of the smallest shares, which come last: short enough to even out a slow worker.
    private static var shareBytes: Int { 96 << 10 }

    /// out = weights * input (+ bias) (+ out)
    @inline(__always)
    func multiply(_ worker: inout Worker, _ input: Activations, rows: Int, _ product: Product) {
        let index = worker.index
        distribute(&worker, items: rows == 0 ? 0 : product.weights.panelCount, grain: grain(product, rows)) {
            begin, end in
            panels(product, begin, end, input, rows, index)
        }
    }

    /// The same with normed rows, for up to three matrices: one distribution over the panels of all of them.
    @inline(__always)
    func multiply(
        _ worker: inout Worker, _ input: NormedRows, rows: Int, _ first: Product, _ second: Product? = nil,
        _ third: Product? = nil
    ) {
        let firstEnd = rows == 0 ? 0 : first.weights.panelCount
        let secondEnd = firstEnd + (rows == 0 ? 0 : second?.weights.panelCount ?? 0)
        let thirdEnd = secondEnd + (rows == 0 ? 0 : third?.weights.panelCount ?? 0)
        let index = worker.index
        let x = input.activations
        distribute(&worker, items: thirdEnd, grain: grain(first, rows), prepare: { prepare(input, index) }) {
            begin, end in
            panels(first, begin, min(end, firstEnd), x, rows, index)
            if let second = second {
                panels(second, max(begin, firstEnd) - firstEnd, min(end, secondEnd) - firstEnd, x, rows, index)
            }
            if let third = third {
                panels(third, max(begin, secondEnd) - secondEnd, end - secondEnd, x, rows, index)
            }
        }
    }

    /// gate = silu(gate * input) * (up * input), made int8 at once: a share is whole steps of ISTER_STEP columns.
    @inline(__always)
    func multiplyGated(_ worker: inout Worker, _ input: NormedRows, _ gate: Product, _ up: Product) {
        let gated = buffers.gated
        let stepPanels = Int(ISTER_STEP) / 16
        let index = worker.index
        let x = input.activations
        let grain = max(grain(gate, rowCount) / 2, leastPanels(gate, rowCount)) / stepPanels
        distribute(&worker, items: gated.stepCount, grain: grain, prepare: { prepare(input, index) }) { begin, end in
            let panelEnd = min(end * stepPanels, gate.weights.panelCount)
            panels(gate, begin * stepPanels, panelEnd, x, rowCount, index)
            panels(up, begin * stepPanels, panelEnd, x, rowCount, index)
            let columns = begin * Int(ISTER_STEP)..<min(end * Int(ISTER_STEP), gated.columns)
            for row in 0..<rowCount {
                unsafe kernels.pointee.swiglu(
                    gated.row(row) + columns.lowerBound, buffers.up + row * buffers.upStride + columns.lowerBound,
                    columns.count)
                quantize(gated, row, index, columns: columns)
            }
        }
    }

    /// Panels of the smallest shares.
    @inline(__always)
    private func grain(_ product: Product, _ rows: Int) -> Int {
        let matrix = unsafe product.weights.matrix
        let panels = unsafe Self.shareBytes / ister_panel_bytes(matrix.format, matrix.columns)
        let least = leastPanels(product, rows)
        return max(panels / least * least, least)
    }

    /// Kernels for many tokens work on pairs of panels, those of 8 bits for one token on four.
    @inline(__always)
    private func leastPanels(_ product: Product, _ rows: Int) -> Int {
        unsafe rows == 1 && product.weights.matrix.format == ISTER_FORMAT_Q8G32 ? 4 : 2
    }

    @inline(__always)
    private func panels(
        _ product: Product, _ begin: Int, _ end: Int, _ input: Activations, _ rows: Int, _ workerIndex: Int
    ) {
        guard begin < end else { return }
        var matrix = unsafe product.weights.matrix
        var view = unsafe input.view
        var output = unsafe ister_output(
            values: product.values, stride: product.stride, bias: product.weights.bias,
            accumulate: product.accumulate ? 1 : 0,
            workspace: buffers.matrixWorkspace + workerIndex * buffers.matrixWorkspaceFloats)
        unsafe kernels.pointee.matmul(&matrix, begin, end, &view, rows, &output)
        let first = begin * 16
        let count = min(end * 16, product.checkedRows) - first
        guard count > 0 else { return }
        for row in 0..<rows { unsafe check(product.values + row * product.stride + first, count, workerIndex) }
    }
}
