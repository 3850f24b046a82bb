internal import CIsterKernels

extension ForwardPass {
    /// attended = softmax(rotate(query) * keys * scale) * values, made int8; keys are rotated and stored with the
    /// values first. An item is a tile of tokens and the query heads, at most 16 at a time, of one key/value head.
    func attend(_ worker: inout Worker, _ layer: Int) {
        let headTiles = dimensions.headTiles
        // An item that alone needs its keys stores them itself.
        let storesOwn = hasLoneTiles && headTiles == 1 && split.segments == 1
        let quantizesOwn = dimensions.groupSize * dimensions.headWidth % Int(ISTER_STEP) == 0 && headTiles == 1
        let index = worker.index
        if !storesOwn {
            distribute(&worker, items: rowCount, grain: 1) { row in
                for head in 0..<dimensions.keyValueHeadCount { rotateAndStore(row, layer, head, index) }
            }
        }
        if split.segments > 1 { attendSegments(&worker, layer) }
        distribute(&worker, items: attentionItems, grain: 1) { item in
            let (tile, head) = self.tile(ofItem: item)
            let rows = tile.row..<tile.row + tile.tokens
            if storesOwn {
                for row in rows { rotateAndStore(row, layer, head, index) }
            }
            var job = unsafe job(item, layer, index)
            if split.segments > 1 {
                unsafe kernels.pointee.join_segments(&job, partial(item, job, segment: firstSegment(job)))
            } else {
                report(unsafe kernels.pointee.attend(&job), index)
            }
            if quantizesOwn {
                let width = dimensions.groupSize * dimensions.headWidth
                for row in rows { quantize(buffers.attended, row, index, columns: head * width..<(head + 1) * width) }
            }
        }
        if !quantizesOwn {
            distribute(&worker, items: rowCount, grain: 1) { row in quantize(buffers.attended, row, index) }
        }
    }

    /// The parts of all items.
    private func attendSegments(_ worker: inout Worker, _ layer: Int) {
        let index = worker.index
        distribute(&worker, items: attentionItems * split.segments, grain: 1) { part in
            let (item, segment) = (part / split.segments, part % split.segments)
            var job = unsafe job(item, layer, index)
            let last = unsafe (job.position + job.tokens - 1) / Int(ISTER_SEGMENT)
            guard unsafe segment >= firstSegment(job), segment <= last else { return }
            report(unsafe kernels.pointee.attend_segment(&job, segment, partial(item, job, segment: segment)), index)
        }
    }

    private var attentionItems: Int { tileCount * dimensions.keyValueHeadCount * dimensions.headTiles }

    private func tile(ofItem item: Int) -> (tile: AttentionTile, head: Int) {
        let headTiles = dimensions.headTiles
        let perTile = dimensions.keyValueHeadCount * headTiles
        return unsafe (tiles[item / perTile], item % perTile / headTiles)
    }

    /// One attention job: the tile's tokens with at most ISTER_QUERY_TILE query heads of one key/value head.
    @inline(__always)
    private func job(_ item: Int, _ layer: Int, _ workerIndex: Int) -> ister_attention {
        let (tile, head) = tile(ofItem: item)
        let skipped = item % dimensions.headTiles * dimensions.headTile
        let column = (head * dimensions.groupSize + skipped) * dimensions.headWidth
        return unsafe ister_attention(
            cache: caches + layer * sequenceCount + tile.sequence, key_value_head: head,
            heads: min(dimensions.headTile, dimensions.groupSize - skipped),
            queries: buffers.query + tile.row * buffers.queryStride + column,
            output: buffers.attended.floats + tile.row * buffers.attended.floatStride + column,
            stride: buffers.queryStride, position: positions[tile.row], tokens: tile.tokens,
            window: layers[layer].window, scale: dimensions.attentionScale,
            workspace: buffers.attentionWorkspace + workerIndex * buffers.attentionWorkspaceFloats)
    }

    /// Of the first position that the job sees.
    private func firstSegment(_ job: ister_attention) -> Int {
        unsafe (job.window > 0 ? max(job.position - job.window + 1, 0) : 0) / Int(ISTER_SEGMENT)
    }

    /// What a segment contributes to an item: those of an item lie behind one another.
    private func partial(_ item: Int, _ job: ister_attention, segment: Int) -> UnsafeMutablePointer<Float> {
        let width = dimensions.headWidth
        let most = ister_partial_floats(width, Int(ISTER_QUERY_TILE))
        return unsafe buffers.partials + item * split.segments * most
            + segment * ister_partial_floats(width, job.tokens * job.heads)
    }

    /// Rotates one row's queries and key of one key/value head by their position and writes key and value into the
    /// cache.
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
