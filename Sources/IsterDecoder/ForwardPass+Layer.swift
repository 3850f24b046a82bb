internal import CIsterKernels

extension ForwardPass {
    /// x += output(attend(rotate(query(h)), rotate(key(h)), value(h))) with h = norm(x)
    func attention(_ worker: inout Worker, _ layer: Int) {
        let weights = unsafe layers + layer
        let input = unsafe normed(&worker, weights.pointee.attentionNorm, .attention(layer: layer))
        unsafe multiply(
            &worker, input, rows: rowCount,
            Product(weights.pointee.query, into: buffers.query, stride: buffers.queryStride),
            Product(weights.pointee.key, into: buffers.key, stride: buffers.keyValueStride),
            Product(weights.pointee.value, into: buffers.value, stride: buffers.keyValueStride))
        attend(&worker, layer)
        observe(&worker, .output(layer: layer), buffers.attended, rowCount, dimensions.queryWidth)
        unsafe multiply(
            &worker, buffers.attended, rows: rowCount,
            Product(weights.pointee.output, into: buffers.residual, stride: buffers.residualStride, accumulate: true))
    }

    /// x += down(silu(gate(h)) * up(h)) with h = norm(x)
    func feedForward(_ worker: inout Worker, _ layer: Int) {
        let weights = unsafe layers + layer
        let input = unsafe normed(&worker, weights.pointee.feedForwardNorm, .feedForward(layer: layer))
        unsafe multiplyGated(
            &worker, input,
            Product(weights.pointee.gate, into: buffers.gated.floats, stride: buffers.gated.floatStride),
            Product(weights.pointee.up, into: buffers.up, stride: buffers.upStride))
        observe(&worker, .down(layer: layer), buffers.gated, rowCount, dimensions.feedForward)
        unsafe multiply(
            &worker, buffers.gated, rows: rowCount,
            Product(weights.pointee.down, into: buffers.residual, stride: buffers.residualStride, accumulate: true))
    }
}
