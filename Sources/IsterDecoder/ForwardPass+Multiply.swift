internal import CIsterKernels

/// One matrix and the place of its product.
@safe struct Product {
    let weights: WeightMatrix
    let values: UnsafeMutablePointer<Float>
    let stride: Int
    /// Adds to the old values: the residual connection.
    let accumulate: Bool

    init(_ weights: WeightMatrix, into values: UnsafeMutablePointer<Float>, stride: Int, accumulate: Bool = false) {
        self.weights = weights
        unsafe self.values = unsafe values
        self.stride = stride
        self.accumulate = accumulate
    }
}

extension ForwardPass {
    /// Weight bytes of one share: long enough for a steady stream, short enough to even out a slow worker.
    private static var shareBytes: Int { 96 << 10 }

    /// out = weights * input (+ bias) (+ out) for up to three matrices with the same input: one distribution over the
    /// panels of all of them.
    @inline(__always)
    func multiply(
        _ worker: inout Worker, _ input: Activations, rows: Int, _ first: Product, _ second: Product? = nil,
        _ third: Product? = nil
    ) {
        let firstEnd = rows == 0 ? 0 : first.weights.panelCount
        let secondEnd = firstEnd + (rows == 0 ? 0 : second?.weights.panelCount ?? 0)
        let thirdEnd = secondEnd + (rows == 0 ? 0 : third?.weights.panelCount ?? 0)
        let matrix = unsafe first.weights.matrix
        // Kernels for many tokens work on pairs of panels.
        let panelBytes = unsafe ister_panel_bytes(matrix.format, matrix.columns)
        let grain = max(Self.shareBytes / panelBytes / 2 * 2, 2)
        let index = worker.index
        distribute(&worker, items: thirdEnd, grain: grain) { begin, end in
            panels(first, begin, min(end, firstEnd), input, rows, index)
            if let second = second {
                panels(second, max(begin, firstEnd) - firstEnd, min(end, secondEnd) - firstEnd, input, rows, index)
            }
            if let third = third {
                panels(third, max(begin, secondEnd) - secondEnd, end - secondEnd, input, rows, index)
            }
        }
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
    }
}
