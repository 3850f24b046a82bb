internal import CIsterKernels
internal import IsterModelFile

/// Rows of activations: floats and, for integer matrices, int8 with scales. Padding columns are zero and stay zero.
@safe struct Activations {
    /// Padded to 32.
    let columns: Int
    let floats: UnsafeMutablePointer<Float>
    let floatStride: Int
    let values: UnsafeMutablePointer<Int8>
    let valueStride: Int
    let scales: UnsafeMutablePointer<Float>
    let subblockOffsets: UnsafeMutablePointer<Int32>
    let stepOffsets: UnsafeMutablePointer<Int32>

    var stepCount: Int { Dimensions.stepCount(columns) }

    func row(_ row: Int) -> UnsafeMutablePointer<Float> { unsafe floats + row * floatStride }

    /// All rows as the kernels see them.
    var view: ister_activations {
        unsafe ister_activations(
            columns: columns, floats: floats, float_stride: floatStride, values: values, value_stride: valueStride,
            scales: scales, subblock_offsets: subblockOffsets, step_offsets: stepOffsets)
    }

    /// One row alone.
    func only(_ row: Int) -> Activations {
        unsafe Activations(
            columns: columns, floats: self.row(row), floatStride: floatStride, values: values + row * valueStride,
            valueStride: valueStride, scales: scales + row * stepCount,
            subblockOffsets: subblockOffsets + row * (columns / 16), stepOffsets: stepOffsets + row * stepCount)
    }
}

/// Every buffer of a forward call, sized and allocated once. Strides see `Dimensions.stride`.
@safe struct Buffers {
    /// Residual stream: [batchRows, hidden].
    let residual: UnsafeMutablePointer<Float>
    let residualStride: Int
    /// Output of a norm: [batchRows, hidden].
    let normed: Activations
    /// Output of a norm of a call's only row, which each worker norms for itself: [workers, hidden].
    let ownNormed: Activations
    /// [batchRows, queryWidth]
    let query: UnsafeMutablePointer<Float>
    let queryStride: Int
    /// [batchRows, keyValueWidth] each.
    let key: UnsafeMutablePointer<Float>
    let value: UnsafeMutablePointer<Float>
    let keyValueStride: Int
    /// Output of attention: [batchRows, queryWidth], rows spaced by queryStride.
    let attended: Activations
    /// Gate, then gated: [batchRows, feedForward].
    let gated: Activations
    let up: UnsafeMutablePointer<Float>
    let upStride: Int
    /// Final norm of the rows whose logits are wanted, then of those whose states are: [batchRows, hidden].
    let final: Activations
    /// [batchRows, vocabularySize]
    let logits: UnsafeMutablePointer<Float>
    let logitStride: Int
    /// Of each worker.
    let matrixWorkspace: UnsafeMutablePointer<Float>
    let matrixWorkspaceFloats: Int
    let attentionWorkspace: UnsafeMutablePointer<Float>
    let attentionWorkspaceFloats: Int
    /// What segments contribute to attention items: [partialCount][ister_partial_floats].
    let partials: UnsafeMutablePointer<Float>
    let partialCount: Int
}

/// Hands out 64-byte aligned pieces of one allocation; the first pass, without memory, only counts.
@safe private struct Arena {
    var base: UnsafeMutableRawPointer?
    var used = 0

    mutating func take<T>(_ count: Int, of: T.Type) -> UnsafeMutablePointer<T> {
        let start = used
        used += (count * MemoryLayout<T>.stride + 63) / 64 * 64
        let address = unsafe base.map { unsafe $0 + start } ?? UnsafeMutableRawPointer(bitPattern: 64 + start)!
        return unsafe address.assumingMemoryBound(to: T.self)
    }

    mutating func activations(rows: Int, width: Int) -> Activations {
        let columns = Dimensions.padded(width)
        let steps = Dimensions.stepCount(width)
        return unsafe Activations(
            columns: columns, floats: take(rows * (columns + 16), of: Float.self), floatStride: columns + 16,
            values: take(rows * (columns + 64), of: Int8.self), valueStride: columns + 64,
            scales: take(rows * steps, of: Float.self),
            subblockOffsets: take(rows * columns / 16, of: Int32.self),
            stepOffsets: take(rows * steps, of: Int32.self))
    }

    mutating func floats(_ rows: Int, _ stride: Int) -> UnsafeMutablePointer<Float> {
        unsafe take(rows * stride, of: Float.self)
    }

    mutating func buffers(_ d: Dimensions, rows: Int, workers: Int, segments: Int) -> Buffers {
        let matrixFloats = ister_workspace_floats(rows)
        let attentionFloats = ister_attention_workspace_floats(d.headWidth)
        let keyValueStride = Dimensions.stride(d.keyValueWidth)
        let partialFloats = ister_partial_floats(d.headWidth, Int(ISTER_QUERY_TILE))
        // Calls with more items than workers are not split much further; at most 64 MiB.
        let partialCount = min(2 * workers * segments, (16 << 20) / partialFloats)
        return unsafe Buffers(
            residual: floats(rows, Dimensions.stride(d.hidden)), residualStride: Dimensions.stride(d.hidden),
            normed: activations(rows: rows, width: d.hidden),
            ownNormed: activations(rows: workers, width: d.hidden),
            query: floats(rows, Dimensions.stride(d.queryWidth)), queryStride: Dimensions.stride(d.queryWidth),
            key: floats(rows, keyValueStride), value: floats(rows, keyValueStride), keyValueStride: keyValueStride,
            attended: activations(rows: rows, width: d.queryWidth),
            gated: activations(rows: rows, width: d.feedForward),
            up: floats(rows, Dimensions.stride(d.feedForward)), upStride: Dimensions.stride(d.feedForward),
            final: activations(rows: rows, width: d.hidden),
            logits: floats(rows, Dimensions.stride(d.vocabularySize)), logitStride: Dimensions.stride(d.vocabularySize),
            matrixWorkspace: floats(workers, matrixFloats), matrixWorkspaceFloats: matrixFloats,
            attentionWorkspace: floats(workers, attentionFloats), attentionWorkspaceFloats: attentionFloats,
            partials: floats(partialCount, partialFloats), partialCount: partialCount)
    }
}

/// Owner of the buffers.
@safe final class Scratch {
    let buffers: Buffers
    private let memory: AnonymousMemory

    /// Bytes of buffers that a call with `rows` rows touches, `logitRows` of them with logits, by one worker.
    static func bytes(_ dimensions: Dimensions, rows: Int, logitRows: Int) -> Int {
        var count = unsafe Arena(base: nil)
        let buffers = count.buffers(dimensions, rows: rows, workers: 1, segments: 1)
        return count.used - (rows - logitRows) * buffers.logitStride * MemoryLayout<Float>.stride
    }

    /// segments: of the longest sequence.
    init(_ dimensions: Dimensions, rows: Int, workers: Int, segments: Int) throws(DecoderError) {
        var count = unsafe Arena(base: nil)
        _ = count.buffers(dimensions, rows: rows, workers: workers, segments: segments)
        memory = try AnonymousMemory(bytes: count.used)
        var arena = unsafe Arena(base: memory.base)
        buffers = arena.buffers(dimensions, rows: rows, workers: workers, segments: segments)
    }
}
