import CIsterKernels
import Testing

/// A matrix of valid panels with codes and scales of a kind.
struct MatrixCase: Sendable, CustomStringConvertible {
    enum Kind: Sendable { case random, extreme }
    let format: ister_format
    let rows: Int
    let columns: Int
    let kind: Kind
    var description: String { "format \(format.rawValue), \(rows) x \(columns), \(kind)" }

    static let all: [MatrixCase] = formats.flatMap { format in
        [(16, 32), (32, 64), (48, 576), (32, 1184), (48, 2560), (80, 544)].flatMap { rows, columns in
            [Kind.random, .extreme].map { MatrixCase(format: format, rows: rows, columns: columns, kind: $0) }
        }
    }

    /// Any bytes are valid codes; scales get moderate values, Q8 weights stay off -128.
    func panels(_ generator: inout Seeded) -> [UInt8] {
        if format == ISTER_FORMAT_F32 {
            return generator.floats(rows * columns).flatMap { unsafe withUnsafeBytes(of: $0) { unsafe Array($0) } }
        }
        return (0..<rows / 16).flatMap { _ in
            stride(from: 0, to: columns, by: 256).flatMap { chunk(min(256, columns - $0), &generator) }
        }
    }

    /// Scales of all sizes and signs, every code; extreme: -128 or 127, -8 or 7.
    private func groups(_ columns: Int, _ generator: inout Seeded) -> [UInt8] {
        var scales = [UInt8](repeating: 0, count: (columns + 63) / 64 * 64)
        for place in 0..<columns / 32 * 16 {
            // Exponents from that of the subnormal halves to 1/16.
            let number = generator.next()
            let half = UInt16(number & 0x83FF) | UInt16((number >> 32) % 12) << 10
            scales[2 * place] = UInt8(half & 255)
            scales[2 * place + 1] = UInt8(half >> 8)
        }
        let codes = generator.bytes(columns * (format == ISTER_FORMAT_Q8G32 ? 16 : 8))
        if kind == .random { return scales + codes }
        if format == ISTER_FORMAT_Q8G32 { return scales + codes.map { $0 < 128 ? 0 : 255 } }
        return scales + codes.map { ($0 & 1) * 15 | ($0 >> 1 & 1) * 0xF0 }
    }

    private func chunk(_ columns: Int, _ generator: inout Seeded) -> [UInt8] {
        if format == ISTER_FORMAT_Q8G32 || format == ISTER_FORMAT_Q4G32 { return groups(columns, &generator) }
        let scales = (0..<16).flatMap { _ in
            unsafe withUnsafeBytes(of: Float.random(in: 0.001...0.01, using: &generator)) { unsafe Array($0) }
        }
        if format == ISTER_FORMAT_Q8 {
            let lines =
                kind == .random
                ? generator.bytes(columns * 16).map { max($0, 1) }
                : generator.bytes(columns * 16).map { $0 < 128 ? 1 : 255 }
            return scales + lines
        }
        let words = (0..<16).flatMap { row in
            [UInt8.random(in: 0...255, using: &generator), .random(in: 0...255, using: &generator)]
                + scales[row * 4 + 2..<row * 4 + 4]
        }
        let subscales = (columns + 127) / 128 * 64
        // Extreme: sub-scale -8 with the outermost code everywhere.
        return words + (kind == .random ? generator.bytes(subscales) : Array(repeating: 0x88, count: subscales))
            + (kind == .random ? generator.bytes(columns * 8) : Array(repeating: 0, count: columns * 8))
    }
}

/// Runs one product and gives its output rows, one behind the other. Between the rows in memory nothing is written.
func product(
    _ table: Table, _ matrix: MatrixCase, _ panels: GuardedBytes, _ x: [Float], tokens: Int, accumulate: Bool = false,
    bias: [Float]? = nil
) -> [Float] {
    let step = Int(ISTER_STEP), columns = matrix.columns, steps = (columns + step - 1) / step
    let floats = Owned(x)
    let values = Owned(repeating: Int8(0), count: tokens * columns)
    let scales = Owned(repeating: Float(0), count: tokens * steps)
    let subblocks = Owned(repeating: Int32(0), count: tokens * columns / 16)
    let offsets = Owned(repeating: Int32(0), count: tokens * steps)
    let kernels = unsafe table.kernels
    for t in 0..<tokens {
        _ = unsafe kernels.quantize_row(
            floats.start + t * columns, columns, values.start + t * columns, scales.start + t * steps,
            subblocks.start + t * columns / 16, offsets.start + t * steps)
    }
    let stride = matrix.rows + 48
    let before: Float = accumulate ? 0.25 : .nan
    let out = Owned(repeating: before, count: tokens * stride)
    let workspace = GuardedBytes(Array(repeating: 0, count: 4 * ister_workspace_floats(tokens)))
    let biasValues = bias.map { Owned($0) }
    var activations = unsafe ister_activations(
        columns: columns, floats: floats.start, float_stride: columns, values: values.start, value_stride: columns,
        scales: scales.start, subblock_offsets: subblocks.start, step_offsets: offsets.start)
    var weights = unsafe ister_matrix(format: matrix.format, rows: matrix.rows, columns: columns, panels: panels.start)
    var output = unsafe ister_output(
        values: out.start, stride: stride, bias: biasValues?.start, accumulate: accumulate ? 1 : 0,
        workspace: workspace.start.assumingMemoryBound(to: Float.self))
    unsafe kernels.matmul(&weights, 0, matrix.rows / 16, &activations, tokens, &output)
    let found = withExtendedLifetime((floats, values, scales, subblocks, offsets, workspace, biasValues)) { out.array }
    let rows = (0..<tokens).map { found[$0 * stride..<$0 * stride + matrix.rows] }
    for t in 0..<tokens {
        #expect(
            found[t * stride + matrix.rows..<(t + 1) * stride].allSatisfy { $0.bitPattern == before.bitPattern },
            "behind row \(t)")
    }
    return Array(rows.joined())
}

@Suite struct MatmulParity {
    @Test(arguments: Table.vectorized, MatrixCase.all)
    func `every instruction set's product has scalar's bits for 1 to 13 tokens`(table: Table, matrix: MatrixCase) {
        var generator = Seeded(UInt64(matrix.rows * matrix.columns) + UInt64(matrix.format.rawValue))
        let panels = GuardedBytes(matrix.panels(&generator))
        let x =
            matrix.kind == .random
            ? generator.floats(13 * matrix.columns) : Array(repeating: Float(1), count: 13 * matrix.columns)
        for tokens in [1, 2, 3, 4, 5, 7, 8, 9, 13] {
            let expected = product(.scalar, matrix, panels, x, tokens: tokens)
            let found = product(table, matrix, panels, x, tokens: tokens)
            #expect(bits(found) == bits(expected), "\(tokens) tokens")
        }
    }

    /// Counts of a prompt, where tables change their ways: from 16 on two panels share a pass in 256-bit tables, above
    /// 24 AVX2 tiles 8-bit weights, too, and 25 and 40 leave a part of a tile over. Three and two panels: a pair, and
    /// one more.
    @Test(arguments: Table.vectorized, MatrixCase.all.filter { $0.columns == 576 || $0.columns == 64 })
    func `every instruction set's product has scalar's bits for a prompt`(table: Table, matrix: MatrixCase) {
        var generator = Seeded(3 * UInt64(matrix.rows * matrix.columns) + UInt64(matrix.format.rawValue))
        let panels = GuardedBytes(matrix.panels(&generator))
        let x =
            matrix.kind == .random
            ? generator.floats(40 * matrix.columns) : Array(repeating: Float(1), count: 40 * matrix.columns)
        let whole = product(.scalar, matrix, panels, x, tokens: 40)
        for tokens in [16, 25, 40] {
            let found = product(table, matrix, panels, x, tokens: tokens)
            // Scalar's rows do not depend on how many there are.
            #expect(bits(found) == bits(Array(whole.prefix(tokens * matrix.rows))), "\(tokens) tokens")
        }
    }

    @Test(arguments: Table.vectorized, MatrixCase.all.filter { $0.rows >= 48 })
    func `bias and old values are added alike`(table: Table, matrix: MatrixCase) {
        var generator = Seeded(7)
        let panels = GuardedBytes(matrix.panels(&generator))
        let x = generator.floats(9 * matrix.columns), bias = generator.floats(matrix.rows)
        for tokens in [1, 9] {
            let expected = product(.scalar, matrix, panels, x, tokens: tokens, accumulate: true, bias: bias)
            let found = product(table, matrix, panels, x, tokens: tokens, accumulate: true, bias: bias)
            #expect(bits(found) == bits(expected))
        }
    }

    @Test(arguments: MatrixCase.all.filter { $0.kind == .random })
    func `scalar's product is the product of the unpacked weights`(matrix: MatrixCase) {
        var generator = Seeded(11)
        let panels = GuardedBytes(matrix.panels(&generator))
        let x = generator.floats(matrix.columns)
        let found = product(.scalar, matrix, panels, x, tokens: 1)
        for row in 0..<matrix.rows {
            var weights = [Float](repeating: 0, count: matrix.columns)
            let panel = unsafe panels.start + row / 16 * ister_panel_bytes(matrix.format, matrix.columns)
            unsafe ister_unpack_row(matrix.format, panel, matrix.columns, row % 16, &weights)
            let exact = zip(weights, x).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            // Each activation is off by at most half a step of 1/127; floats by their rounding.
            let step = matrix.format == ISTER_FORMAT_F32 ? 1e-5 : 0.5 / 127 + 1e-5
            let bound = weights.reduce(0.0) { $0 + abs(Double($1)) } * step
            #expect(abs(Double(found[row]) - exact) <= bound)
        }
    }
}
