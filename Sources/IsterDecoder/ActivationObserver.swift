internal import CIsterKernels

/// Where in the model a matrix reads its input, or where a layer does.
public enum ActivationSite: Hashable, Sendable {
    /// The residual stream before a layer; before the final norm where `layer` is the number of layers.
    case residual(layer: Int)
    /// Input of query, key and value: the attention norm's output.
    case attention(layer: Int)
    /// Input of the output matrix: the attended values.
    case output(layer: Int)
    /// Input of gate and up: the feed-forward norm's output.
    case feedForward(layer: Int)
    /// Input of down: the gated values.
    case down(layer: Int)
    /// Input of the head: the final norm's output of the rows whose logits are wanted.
    case head
}

/// Sees the inputs of matrices and layers during a forward call, for calibration. Rows are valid during the call only.
/// rows: [count][stride] floats, of which the first `width` are the activations.
public typealias ActivationObserver = (
    _ site: ActivationSite, _ rows: UnsafePointer<Float>, _ count: Int, _ stride: Int, _ width: Int
) -> Void

/// Holds the observer where a forward pass can reach it without owning it.
@safe final class ObserverBox {
    let observe: ActivationObserver

    init(_ observe: @escaping ActivationObserver) { unsafe self.observe = unsafe observe }
}

/// A call of its own, so that the step itself neither retains nor releases.
@inline(never)
private func notify(
    _ observer: Unmanaged<ObserverBox>, _ site: ActivationSite, _ rows: UnsafePointer<Float>, _ count: Int,
    _ stride: Int, _ width: Int
) {
    unsafe observer.takeUnretainedValue().observe(site, rows, count, stride, width)
}

extension ForwardPass {
    @inline(__always)
    func observe(_ worker: inout Worker, _ site: ActivationSite, _ rows: Activations, _ count: Int, _ width: Int) {
        unsafe observe(&worker, site, rows.floats, count, stride: rows.floatStride, width)
    }

    @inline(__always)
    func observeResidual(_ worker: inout Worker, before layer: Int) {
        unsafe observe(
            &worker, .residual(layer: layer), buffers.residual, rowCount, stride: buffers.residualStride,
            dimensions.hidden)
    }

    /// Shows one site's rows to the observer, if there is one: on the calling thread, while the others wait.
    @inline(__always)
    private func observe(
        _ worker: inout Worker, _ site: ActivationSite, _ rows: UnsafePointer<Float>, _ count: Int, stride: Int,
        _ width: Int
    ) {
        guard let observer = unsafe observer else { return }
        worker.phase &+= 1
        if worker.index == 0 {
            unsafe notify(observer, site, rows, count, stride, width)
            unsafe ister_team_complete(worker.team, worker.phase, 1, 1)
        }
        unsafe ister_team_wait(worker.team, worker.index, worker.phase, 1)
    }
}
