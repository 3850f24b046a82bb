import CIsterKernels

/// A weight matrix [rows, columns]: one packed panel, repeated until the bytes are reached.
@safe final class Weights {
    let matrix: ister_matrix
    let panelCount: Int
    let panelBytes: Int
    private let memory: Memory

    init(_ format: ister_format, columns: Int, bytes: Int) {
        var numbers = Numbers(1)
        let rows = numbers.floats(Int(ISTER_PANEL_ROWS) * columns)
        panelBytes = ister_panel_bytes(format, columns)
        // Pairs: the tiled kernels take two panels at a time.
        panelCount = max(bytes / panelBytes / 2 * 2, 2)
        memory = Memory(bytes: panelCount * panelBytes)
        var error = 0.0
        var sum = 0.0
        unsafe ister_pack_panel(format, rows, columns, nil, memory.base, &error, &sum)
        for panel in 1..<panelCount {
            unsafe (memory.base + panel * panelBytes).copyMemory(from: memory.base, byteCount: panelBytes)
        }
        unsafe matrix = ister_matrix(
            format: format, rows: panelCount * Int(ISTER_PANEL_ROWS), columns: columns, panels: memory.base)
    }
}

/// Rows of activations, quantized by the table that will read them.
@safe final class Activations {
    let value: ister_activations
    private let memories: [Memory]

    init(_ table: Table, rows: Int, columns: Int) {
        var numbers = Numbers(2)
        let steps = (columns + Int(ISTER_STEP) - 1) / Int(ISTER_STEP)
        // One line more than the columns: rows that start 4096 bytes apart would share cache sets.
        let stride = columns + 64
        let subblocks = columns / Int(ISTER_SUBBLOCK)
        let floats = Memory(numbers.floats(rows * stride))
        let bytes = [rows * stride, rows * steps * 4, rows * subblocks * 4, rows * steps * 4]
        let parts = bytes.map { Memory(bytes: $0) }
        for row in 0..<rows {
            _ = unsafe table.kernels.pointee.quantize_row(
                floats.pointer(Float.self) + row * stride, columns, parts[0].pointer(Int8.self) + row * stride,
                parts[1].pointer(Float.self) + row * steps, parts[2].pointer(Int32.self) + row * subblocks,
                parts[3].pointer(Int32.self) + row * steps)
        }
        unsafe value = ister_activations(
            columns: columns, floats: floats.pointer(Float.self), float_stride: stride,
            values: parts[0].pointer(Int8.self), value_stride: stride, scales: parts[1].pointer(Float.self),
            subblock_offsets: parts[2].pointer(Int32.self), step_offsets: parts[3].pointer(Int32.self))
        memories = parts + [floats]
    }
}

/// Matrix products of one format with some tokens.
struct MatmulBench {
    let weights: Weights
    let formatName: String
    let columns: Int
    let tokens: Int

    func measure(_ table: Table, _ effort: Effort) -> Measurement {
        let x = Activations(table, rows: tokens, columns: columns)
        let workspace = Memory(bytes: ister_workspace_floats(tokens) * MemoryLayout<Float>.size)
        // Weights of a call: 64 KiB or more, as a worker claims them, but less for many tokens.
        let panels = max(min((1 << 16) / weights.panelBytes / 2 * 2, weights.panelCount), 2)
        // Results of all tokens go to one narrow block of memory: rows of real outputs would need more than a cache.
        let stride = panels * Int(ISTER_PANEL_ROWS)
        let block = Memory(bytes: tokens * stride * 4)
        let groups = weights.panelCount / panels
        let clock = clockHertz()
        let (seconds, slices) = effort.median { call in
            let begin = call % groups * panels
            // The kernel indexes outputs by the row of the matrix: shift them so that every call writes the same block.
            let first = unsafe block.pointer(Float.self) - begin * Int(ISTER_PANEL_ROWS)
            var out = unsafe ister_output(
                values: first, stride: stride, bias: nil, accumulate: 0, workspace: workspace.pointer(Float.self))
            var activations = unsafe x.value
            var matrix = unsafe weights.matrix
            unsafe table.kernels.pointee.matmul(&matrix, begin, begin + panels, &activations, tokens, &out)
        }
        let macs = Double(stride * columns * tokens)
        return Measurement(
            isa: table.name, kernel: "matmul", variant: "\(formatName) x \(columns)", tokens: tokens,
            workingBytes: weights.panelCount * weights.panelBytes, macsPerSecond: macs / seconds,
            macsPerCycle: macs / seconds / clock, bytesPerSecond: Double(panels * weights.panelBytes) / seconds,
            elementsPerCycle: nil, nanoseconds: seconds * 1e9, sliceCount: slices, clockHertz: clock)
    }
}
