internal import CIsterKernels

extension ForwardPass {
    /// x += output(attend(rotate(query(h)), rotate(key(h)), value(h))) with h = norm(x)
    func attention(_ worker: inout Worker, _ layer: Int) {
        let weights = unsafe layers + layer
        unsafe normalizeRows(&worker, weights.pointee.attentionNorm)
        observe(&worker, .attention(layer: layer), buffers.normed, rowCount, dimensions.hidden)
        unsafe multiply(
            &worker, buffers.normed, rows: rowCount,
            Product(weights.pointee.query, into: buffers.query, stride: buffers.queryStride),
            Product(weights.pointee.key, into: buffers.key, stride: buffers.keyValueStride),
            Product(weights.pointee.value, into: buffers.value, stride: buffers.keyValueStride))
        rotateAndStore(&worker, layer)
        attend(&worker, layer)
        quantizeRows(&worker, buffers.attended)
        observe(&worker, .output(layer: layer), buffers.attended, rowCount, dimensions.queryWidth)
        unsafe multiply(
            &worker, buffers.attended, rows: rowCount,
            Product(weights.pointee.output, into: buffers.residual, stride: buffers.residualStride, accumulate: true))
    }

    /// x += down(silu(gate(h)) * up(h)) with h = norm(x)
    func feedForward(_ worker: inout Worker, _ layer: Int) {
        let weights = unsafe layers + layer
        unsafe normalizeRows(&worker, weights.pointee.feedForwardNorm)
        observe(&worker, .feedForward(layer: layer), buffers.normed, rowCount, dimensions.hidden)
        unsafe multiply(
            &worker, buffers.normed, rows: rowCount,
            Product(weights.pointee.gate, into: buffers.gated.floats, stride: buffers.gated.floatStride),
            Product(weights.pointee.up, into: buffers.up, stride: buffers.upStride))
        let index = worker.index
        distribute(&worker, items: rowCount, grain: 1) { row in
            let padded = (dimensions.feedForward + 15) / 16 * 16
            unsafe kernels.pointee.swiglu(buffers.gated.row(row), buffers.up + row * buffers.upStride, padded)
            quantize(buffers.gated, row, index)
        }
        observe(&worker, .down(layer: layer), buffers.gated, rowCount, dimensions.feedForward)
        unsafe multiply(
            &worker, buffers.gated, rows: rowCount,
            Product(weights.pointee.down, into: buffers.residual, stride: buffers.residualStride, accumulate: true))
    }

    /// normed = norm(x), row by row
    private func normalizeRows(_ worker: inout Worker, _ weight: UnsafePointer<Float>) {
        let index = worker.index
        distribute(&worker, items: rowCount, grain: 1) { row in
            unsafe normalize(buffers.residual + row * buffers.residualStride, weight, buffers.normed.row(row))
            quantize(buffers.normed, row, index)
        }
    }

    private func quantizeRows(_ worker: inout Worker, _ activations: Activations) {
        let index = worker.index
        distribute(&worker, items: rowCount, grain: 1) { row in quantize(activations, row, index) }
    }

    /// Rotates queries and keys by their position and writes keys and values into the cache.
    private func rotateAndStore(_ worker: inout Worker, _ layer: Int) {
        let half = dimensions.headWidth / 2
        let rotary = unsafe rotaries[layers[layer].rotary]
        distribute(&worker, items: rowCount, grain: 1) { row in
            let position = unsafe positions[row]
            let cosines = unsafe rotary.cosines + position * half
            let sines = unsafe rotary.sines + position * half
            let query = unsafe buffers.query + row * buffers.queryStride
            let key = unsafe buffers.key + row * buffers.keyValueStride
            for head in 0..<dimensions.headCount {
                unsafe kernels.pointee.rotate(query + head * dimensions.headWidth, cosines, sines, half)
            }
            for head in 0..<dimensions.keyValueHeadCount {
                unsafe kernels.pointee.rotate(key + head * dimensions.headWidth, cosines, sines, half)
            }
            let cache = unsafe caches + layer * sequenceCount + sequences[row]
            unsafe kernels.pointee.store_position(cache, position, key, buffers.value + row * buffers.keyValueStride)
        }
    }

    /// attended = softmax(query * keys * scale) * values; an item is a tile of tokens and the query heads, at most 16
    /// at a time, of one key/value head.
    private func attend(_ worker: inout Worker, _ layer: Int) {
        let group = dimensions.groupSize
        let headTile = min(group, 16)
        let headTiles = (group + headTile - 1) / headTile
        let perTile = dimensions.keyValueHeadCount * headTiles
        let index = worker.index
        distribute(&worker, items: tileCount * perTile, grain: 1) { item in
            let tile = unsafe tiles[item / perTile]
            let keyValueHead = item % perTile / headTiles
            let skipped = item % headTiles * headTile
            let heads = min(headTile, group - skipped)
            let column = (keyValueHead * group + skipped) * dimensions.headWidth
            var job = unsafe ister_attention(
                cache: caches + layer * sequenceCount + tile.sequence, key_value_head: keyValueHead, heads: heads,
                queries: buffers.query + tile.row * buffers.queryStride + column,
                output: buffers.attended.floats + tile.row * buffers.attended.floatStride + column,
                stride: buffers.queryStride, position: positions[tile.row], tokens: tile.tokens,
                window: layers[layer].window, scale: dimensions.attentionScale,
                workspace: buffers.attentionWorkspace + index * buffers.attentionWorkspaceFloats)
            unsafe kernels.pointee.attend(&job)
        }
    }
}
