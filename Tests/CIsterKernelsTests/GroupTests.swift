import CIsterKernels
import Testing

/// Q8G32 and Q4G32: packing of floats, and of groups that another program has quantized.
@Suite struct GroupTests {
    /// Squared error of the largest weight of each 32 at the end of the range, with a float as scale.
    private func plainError(_ rows: [Float]) -> Double {
        stride(from: 0, to: rows.count, by: 32).reduce(0) { sum, start in
            let group = rows[start..<start + 32]
            let step = group.reduce(0) { max($0, abs($1)) } / 127
            return sum
                + group.reduce(0) {
                    let error = Double($1 - step * ($1 / step).rounded())
                    return $0 + error * error
                }
        }
    }

    @Test(arguments: columnCounts)
    func `Q8G32's search leaves a sixth less error than a group's largest weight at 127`(columns: Int) {
        var seeded = Seeded(UInt64(columns) + 20)
        for rows in [seeded.gaussian(panelRows * columns), seeded.laplace(panelRows * columns)] {
            let panel = pack(ISTER_FORMAT_Q8G32, rows)
            #expect(panel.squaredError < 0.84 * plainError(rows))
            let weights = LayoutReader(ISTER_FORMAT_Q8G32, panel.bytes, columns: columns).weights
            #expect(weights.allSatisfy { abs($0) <= 127 })
        }
    }

    @Test(arguments: [576, 2560])
    func `Q4G32 keeps 21,5 dB of Gaussian and 19,5 dB of Laplace weights`(columns: Int) {
        var seeded = Seeded(21)
        #expect(pack(ISTER_FORMAT_Q4G32, seeded.gaussian(panelRows * columns)).decibels > 21.5)
        #expect(pack(ISTER_FORMAT_Q4G32, seeded.laplace(panelRows * columns)).decibels > 19.5)
    }

    @Test(arguments: groupFormats)
    func `importance moves the error to the columns that matter less`(format: ister_format) {
        var seeded = Seeded(22)
        let rows = seeded.gaussian(panelRows * 576)
        let importance: [Float] = (0..<576).map { $0 % 5 == 0 ? 10 : 0.5 }
        let plain = pack(format, rows), weighted = pack(format, rows, importance: importance)
        func error(_ panel: PackedPanel) -> Double {
            squaredErrors(rows, unpack(format, panel, columns: 576), weights: importance)
        }
        #expect(error(weighted) < 0.95 * error(plain))
        #expect(pack(format, rows, importance: .init(repeating: 3, count: 576)).bytes == plain.bytes)
        #expect(pack(format, rows, importance: .init(repeating: 0, count: 576)).bytes == plain.bytes)
    }

    @Test(arguments: groupFormats)
    func `zero rows are zeros, and every magnitude gives finite values`(format: ister_format) {
        let zero = pack(format, [Float](repeating: 0, count: panelRows * 288))
        #expect(unpack(format, zero, columns: 288).allSatisfy { $0 == 0 } && zero.squaredError == 0)
        var seeded = Seeded(23)
        let base = seeded.floats(panelRows * 64)
        let expected = pack(format, base).decibels
        for magnitude: Float in [0x1p-149, 1e-37, 1e-12, 1e-3, 1e3, 1e6, 1e30, .greatestFiniteMagnitude] {
            let panel = pack(format, base.map { $0 * magnitude })
            #expect(unpack(format, panel, columns: 64).allSatisfy { $0.isFinite }, "\(magnitude)")
            #expect(panel.squaredError <= panel.squaredSum, "\(magnitude)")
            // Scales of halves: from 2^-14 on they have all their bits, up to 65504.
            if (1e-3...1e3).contains(magnitude * 127) {
                #expect(abs(panel.decibels - expected) < 0.5, "\(magnitude): \(panel.decibels) of \(expected)")
            }
        }
    }

    /// Any codes, scales of any finite half.
    private func groups(_ format: ister_format, columns: Int, _ seeded: inout Seeded) -> (
        scales: [UInt16], codes: [UInt8]
    ) {
        let scales = (0..<panelRows * columns / 32).map { _ in UInt16(truncatingIfNeeded: seeded.next()) & 0xFBFF }
        let codes = seeded.bytes(panelRows * columns)
        return (scales, format == ISTER_FORMAT_Q8G32 ? codes : codes.map { $0 & 15 })
    }

    @Test(arguments: groupFormats, columnCounts + [352])
    func `groups of another program keep every bit`(format: ister_format, columns: Int) {
        var seeded = Seeded(24)
        let (scales, codes) = groups(format, columns: columns, &seeded)
        var panel = PackedPanel(
            bytes: [UInt8](repeating: 0xEE, count: ister_panel_bytes(format, columns)), squaredError: 0, squaredSum: 1)
        unsafe ister_pack_groups(format, scales, codes, columns, &panel.bytes, &panel.squaredSum)
        let reader = LayoutReader(format, panel.bytes, columns: columns)
        #expect(reader.position == panel.bytes.count)
        let bias = format == ISTER_FORMAT_Q8G32 ? 128 : 8
        #expect(reader.weights == codes.map { Int($0) - bias })
        // GGML's formula: the scale as a float times the integer.
        let expected = codes.indices.map { Float(Float16(bitPattern: scales[$0 / 32])) * Float(Int(codes[$0]) - bias) }
        #expect(bits(unpack(format, panel, columns: columns)) == bits(expected))
        let sum = expected.reduce(1.0) { $0 + Double($1) * Double($1) }
        #expect(abs(panel.squaredSum / sum - 1) < 1e-12)
        #expect(unsafe ister_panel_is_finite(format, panel.bytes, columns) == 1)
    }

    @Test(arguments: formats)
    func `a scale or float that is not finite is found wherever it stands`(format: ister_format) {
        var seeded = Seeded(25)
        let panel = pack(format, seeded.gaussian(panelRows * 352)).bytes
        #expect(unsafe ister_panel_is_finite(format, panel, 352) == 1)
        let second = ister_chunk_bytes(format, 256)
        // Upper bytes of the first and last number of each chunk's scales.
        let places =
            switch format {
            case ISTER_FORMAT_Q8G32, ISTER_FORMAT_Q4G32: [1, 255, second + 1, second + 95]
            case ISTER_FORMAT_F32: [3, panel.count - 1]
            default: [3, 63, second + 3, second + 63]
            }
        for place in places {
            var damaged = panel
            damaged[place] = 0x7F
            damaged[place - 1] |= 0x80
            #expect(unsafe ister_panel_is_finite(format, damaged, 352) == 0, "byte \(place)")
        }
        #expect(unsafe ister_panel_is_finite(ister_format(rawValue: 77), panel, 352) == 0)
    }
}
