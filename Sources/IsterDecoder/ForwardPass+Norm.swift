internal import CIsterKernels

/// Normed rows, or what it takes to make the only one.
@safe struct NormedRows {
    let activations: Activations
    /// Not nil: each worker norms this row for itself when it has won a share of the product. That is less work than to
    /// wait for another worker's.
    let pending: UnsafePointer<Float>?
    let weight: UnsafePointer<Float>
}

extension ForwardPass {
    /// norm(x) of the call's rows.
    @inline(__always)
    func normed(_ worker: inout Worker, _ weight: UnsafePointer<Float>, _ site: ActivationSite) -> NormedRows {
        unsafe normed(&worker, of: nil, count: rowCount, weight, into: buffers.normed, site)
    }

    /// norm(x) of `count` rows: those that `rows` names, or the first.
    @inline(__always)
    func normed(
        _ worker: inout Worker, of rows: UnsafeMutablePointer<Int>?, count: Int, _ weight: UnsafePointer<Float>,
        into output: Activations, _ site: ActivationSite
    ) -> NormedRows {
        if count == 1, unsafe observer == nil {
            let row = unsafe rows.map { unsafe $0[0] } ?? 0
            return unsafe NormedRows(
                activations: buffers.ownNormed.only(worker.index),
                pending: buffers.residual + row * buffers.residualStride, weight: weight)
        }
        let index = worker.index
        distribute(&worker, items: count, grain: 1) { item in
            let row = unsafe rows.map { unsafe $0[item] } ?? item
            unsafe normalize(buffers.residual + row * buffers.residualStride, weight, output.row(item))
            quantize(output, item, index)
        }
        observe(&worker, site, output, count, dimensions.hidden)
        return unsafe NormedRows(activations: output, pending: nil, weight: weight)
    }

    /// Makes the pending row.
    @inline(__always)
    func prepare(_ input: NormedRows, _ workerIndex: Int) {
        guard let x = unsafe input.pending else { return }
        unsafe normalize(x, input.weight, input.activations.row(0))
        quantize(input.activations, 0, workerIndex)
    }

    @inline(__always)
    func normalize(_ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
        unsafe kernels.pointee.rms_norm(
            x, weight, dimensions.hidden, dimensions.normEpsilon, dimensions.unitOffset, y)
    }
}
