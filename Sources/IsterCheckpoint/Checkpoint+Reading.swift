extension Checkpoint {
    /// Bytes read from a file at once: enough to hide the call, small enough to stay in the second-level cache.
    private static let chunkBytes = 256 << 10

    /// Rows of one tensor as floats, row-major: `out` holds `rows.count * tensor.columns` values. Stored values are
    /// expanded exactly (F32, F16, BF16) or as GGML defines them. NaN and infinity are refused with their place.
    /// Any thread may call this; it takes 256 KiB beside `out`.
    public func read(
        _ tensor: TensorDescription, rows: Range<Int>, into out: UnsafeMutableBufferPointer<Float>
    ) throws(CheckpointError) {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= tensor.rows, "rows outside the tensor")
        precondition(out.count == rows.count * tensor.columns, "the buffer has another size than the rows")
        switch tensor.rowOrder {
        case .asNamed:
            try unsafe readStored(tensor, firstRow: rows.lowerBound, into: out)
        case .pairsInterleaved where tensor.isVector:
            try unsafe readInterleavedVector(tensor, into: out)
        case .pairsInterleaved:
            for (index, row) in rows.enumerated() {
                let slice = out.extracting(index * tensor.columns..<(index + 1) * tensor.columns)
                try unsafe readStored(tensor, firstRow: tensor.rowOrder.storedRow(row), into: slice)
            }
        }
        if let index = unsafe firstNotFinite(in: UnsafeBufferPointer(out)) {
            let (row, column) = index.quotientAndRemainder(dividingBy: tensor.columns)
            throw .notFinite(
                tensor: tensor.name, row: rows.lowerBound + row, column: column, found: unsafe "\(out[index])")
        }
    }

    /// The whole tensor; for small ones.
    public func values(of tensor: TensorDescription) throws(CheckpointError) -> [Float] {
        let count = tensor.rows * tensor.columns
        var failure: CheckpointError?
        let values = unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(CheckpointError) {
                try unsafe read(tensor, rows: 0..<tensor.rows, into: buffer.extracting(0..<count))
                initialized = count
            } catch { failure = error }
        }
        if let failure { throw failure }
        return values
    }

    /// Whole rows from `firstRow` on in the file's order, as many as `out` holds.
    private func readStored(
        _ tensor: TensorDescription, firstRow: Int, into out: UnsafeMutableBufferPointer<Float>
    ) throws(CheckpointError) {
        if tensor.type == .f32 {
            let start = tensor.offset + firstRow * tensor.rowBytes
            return try unsafe files[tensor.file].read(into: UnsafeMutableRawBufferPointer(out), at: start)
        }
        let blockLength = tensor.type.blockLength
        unsafe try readBlocks(tensor, firstRow: firstRow, count: out.count / blockLength) { bytes, blocks in
            let values = blocks.lowerBound * blockLength..<blocks.upperBound * blockLength
            unsafe expand(bytes, tensor.type, into: out.extracting(values))
        }
    }

    /// `blockCount` blocks from `firstRow` on, as stored, some at a time.
    func readBlocks(
        _ tensor: TensorDescription, firstRow: Int, count blockCount: Int,
        _ body: (_ bytes: UnsafeRawBufferPointer, _ blocks: Range<Int>) throws(CheckpointError) -> Void
    ) throws(CheckpointError) {
        let file = files[tensor.file]
        let start = tensor.offset + firstRow * tensor.rowBytes
        let blockBytes = tensor.type.blockBytes
        let chunkBlocks = max(1, min(Self.chunkBytes / blockBytes, blockCount))
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBlocks * blockBytes, alignment: 64)
        defer { unsafe chunk.deallocate() }
        var block = 0
        while block < blockCount {
            let count = min(chunkBlocks, blockCount - block)
            let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: chunk[..<(count * blockBytes)])
            try unsafe file.read(into: bytes, at: start + block * blockBytes)
            try unsafe body(UnsafeRawBufferPointer(bytes), block..<block + count)
            block += count
        }
    }

    /// The bias of a query or key projection: its elements are ordered as the matrix's rows.
    private func readInterleavedVector(
        _ tensor: TensorDescription, into out: UnsafeMutableBufferPointer<Float>
    ) throws(CheckpointError) {
        let stored = UnsafeMutableBufferPointer<Float>.allocate(capacity: out.count)
        defer { unsafe stored.deallocate() }
        try unsafe readStored(tensor, firstRow: 0, into: stored)
        for index in 0..<out.count { unsafe out[index] = stored[tensor.rowOrder.storedRow(index)] }
    }
}
