internal import CIsterKernels

extension ForwardPass {
    /// attended = softmax(rotate(query) * keys * scale) * values, made int8; keys are rotated and stored with the values
    /// first. An item is a tile of tokens and the query heads, at most 16 at a time, of one key/value head.
    func attend(_ worker: inout Worker, _ layer: Int) {
        let group = dimensions.groupSize
        let headTile = min(group, Int(ISTER_QUERY_TILE))
        let headTiles = (group + headTile - 1) / headTile
        let perTile = dimensions.keyValueHeadCount * headTiles
        // An item that alone needs its keys stores them itself.
        let storesOwn = hasLoneTiles && headTiles == 1
        let quantizesOwn = group * dimensions.headWidth % Int(ISTER_STEP) == 0 && headTiles == 1
        let index = worker.index
        if !storesOwn {
            distribute(&worker, items: rowCount, grain: 1) { row in
                for head in 0..<dimensions.keyValueHeadCount { rotateAndStore(row, layer, head, index) }
            }
        }
        distribute(&worker, items: tileCount * perTile, grain: 1) { item in
            let tile = unsafe tiles[item / perTile]
            let head = item % perTile / headTiles
            let rows = tile.row..<tile.row + tile.tokens
            if storesOwn {
                for row in rows { rotateAndStore(row, layer, head, index) }
            }
            attend(tile, layer, head, skipping: item % headTiles * headTile, most: headTile, index)
            if quantizesOwn {
                let width = group * dimensions.headWidth
                for row in rows { quantize(buffers.attended, row, index, columns: head * width..<(head + 1) * width) }
            }
        }
        if !quantizesOwn {
            distribute(&worker, items: rowCount, grain: 1) { row in quantize(buffers.attended, row, index) }
        }
    }

    /// One attention job: the tile's tokens with at most `most` query heads of one key/value head.
    @inline(__always)
    private func attend(
        _ tile: AttentionTile, _ layer: Int, _ head: Int, skipping skipped: Int, most: Int, _ workerIndex: Int
    ) {
        let heads = min(most, dimensions.groupSize - skipped)
        let column = (head * dimensions.groupSize + skipped) * dimensions.headWidth
        var job = unsafe ister_attention(
            cache: caches + layer * sequenceCount + tile.sequence, key_value_head: head, heads: heads,
            queries: buffers.query + tile.row * buffers.queryStride + column,
            output: buffers.attended.floats + tile.row * buffers.attended.floatStride + column,
            stride: buffers.queryStride, position: positions[tile.row], tokens: tile.tokens,
            window: layers[layer].window, scale: dimensions.attentionScale,
            workspace: buffers.attentionWorkspace + workerIndex * buffers.attentionWorkspaceFloats)
        report(unsafe kernels.pointee.attend(&job), workerIndex)
    }

    /// Rotates one row's queries and key of one key/value head by their position and writes key and value into the cache.
    @inline(__always)
    private func rotateAndStore(_ row: Int, _ layer: Int, _ head: Int, _ workerIndex: Int) {
        let half = dimensions.headWidth / 2
        let width = dimensions.headWidth
        let rotary = unsafe rotaries[layers[layer].rotary]
        let position = unsafe positions[row]
        let cosines = unsafe rotary.cosines + position * half
        let sines = unsafe rotary.sines + position * half
        let queries = unsafe buffers.query + row * buffers.queryStride + head * dimensions.groupSize * width
        for query in 0..<dimensions.groupSize {
            unsafe kernels.pointee.rotate(queries + query * width, cosines, sines, half)
        }
        let key = unsafe buffers.key + row * buffers.keyValueStride + head * width
        unsafe kernels.pointee.rotate(key, cosines, sines, half)
        let value = unsafe buffers.value + row * buffers.keyValueStride + head * width
        let cache = unsafe caches + layer * sequenceCount + sequences[row]
        report(unsafe kernels.pointee.store_position(cache, head, position, key, value), workerIndex)
    }
}
