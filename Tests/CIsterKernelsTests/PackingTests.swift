import CIsterKernels
import Glibc
import Testing

@Suite struct PackingTests {
    @Test func `panels have the documented sizes`() {
        #expect(ister_chunk_bytes(ISTER_FORMAT_Q4, 256) == 2240)
        #expect(ister_chunk_bytes(ISTER_FORMAT_Q4, 128) == 64 + 64 + 1024)
        #expect(ister_chunk_bytes(ISTER_FORMAT_Q4, 160) == 64 + 128 + 1280)
        #expect(ister_panel_bytes(ISTER_FORMAT_Q4, 576) == 2 * 2240 + 128 + 512)
        #expect(ister_panel_bytes(ISTER_FORMAT_Q4, 2560) * 8 == 2560 * 16 * 35 / 8)
        #expect(ister_panel_bytes(ISTER_FORMAT_Q8, 2560) * 8 == 2560 * 16 * 65 / 8)
        #expect(ister_panel_bytes(ISTER_FORMAT_Q8, 576) == 576 * 16 + 3 * 64)
        #expect(ister_panel_bytes(ISTER_FORMAT_F32, 576) == 576 * 64)
        #expect(ister_panel_bytes(ISTER_FORMAT_Q8G32, 2560) * 8 == 2560 * 16 * 17 / 2)
        #expect(ister_panel_bytes(ISTER_FORMAT_Q4G32, 2560) * 8 == 2560 * 16 * 9 / 2)
        #expect(ister_chunk_bytes(ISTER_FORMAT_Q8G32, 160) == 3 * 64 + 16 * 160)
        #expect(ister_panel_bytes(ISTER_FORMAT_Q4G32, 576) == 2 * (256 + 2048) + 64 + 512)
        #expect(ister_panel_bytes(ister_format(rawValue: 77), 576) == 0)
    }

    @Test(arguments: formats, columnCounts)
    func `a second reader of the layout sees the values that unpacking gives`(format: ister_format, columns: Int) {
        var seeded = Seeded(UInt64(columns))
        let panel = pack(format, seeded.laplace(panelRows * columns))
        let reader = LayoutReader(format, panel.bytes, columns: columns)
        #expect(reader.position == panel.bytes.count)
        #expect(reader.values.map(\.bitPattern) == unpack(format, panel, columns: columns).map(\.bitPattern))
    }

    @Test func `F32 keeps every bit`() {
        var seeded = Seeded(5)
        var rows = seeded.gaussian(panelRows * 64)
        rows.replaceSubrange(0..<4, with: [-0.0, .leastNonzeroMagnitude, -.greatestFiniteMagnitude, 0x1p-133])
        let panel = pack(ISTER_FORMAT_F32, rows)
        #expect(unpack(ISTER_FORMAT_F32, panel, columns: 64).map(\.bitPattern) == rows.map(\.bitPattern))
        #expect(panel.squaredError == 0)
    }

    @Test(arguments: columnCounts)
    func `Q8 is off by half a step at most and never stores -128`(columns: Int) {
        var seeded = Seeded(UInt64(columns) + 1)
        let rows = seeded.laplace(panelRows * columns)
        let panel = pack(ISTER_FORMAT_Q8, rows)
        let reader = LayoutReader(ISTER_FORMAT_Q8, panel.bytes, columns: columns)
        for row in 0..<panelRows {
            for start in stride(from: 0, to: columns, by: 256) {
                let range = row * columns + start..<row * columns + min(start + 256, columns)
                let step = rows[range].reduce(0) { max($0, abs($1)) } / 127
                // The step and the quotient are rounded: 127 steps times a relative 2^-23.
                let bound = step * (0.5 + 127 / 0x1p22)
                #expect(range.allSatisfy { abs(rows[$0] - reader.values[$0]) <= bound })
                #expect(range.allSatisfy { abs(reader.weights[$0]) <= 127 })
                #expect(range.contains { abs(reader.weights[$0]) == 127 })
            }
        }
    }

    @Test(arguments: [576, 2560])
    func `Q4 keeps 23 dB of Gaussian and 22,5 dB of Laplace weights`(columns: Int) {
        var seeded = Seeded(7)
        let gaussian = seeded.gaussian(panelRows * columns), laplace = seeded.laplace(panelRows * columns)
        #expect(pack(ISTER_FORMAT_Q4, gaussian).decibels > 23)
        #expect(pack(ISTER_FORMAT_Q4, laplace).decibels > 22.5)
    }

    @Test func `Q4's integer weights stay within 120 for flat, peaked and lopsided sub-blocks`() {
        var seeded = Seeded(8)
        var rows = seeded.laplace(panelRows * 288)
        for i in 0..<rows.count where i / 288 % 4 == 1 { rows[i] = i % 2 == 0 ? 1 : -1 }
        for i in 0..<rows.count where i / 288 % 4 == 2 { rows[i] = i % 37 == 0 ? -9 : 0.1 * rows[i] }
        for i in 0..<rows.count where i / 288 % 4 == 3 { rows[i] = abs(rows[i]) }
        let reader = LayoutReader(ISTER_FORMAT_Q4, pack(ISTER_FORMAT_Q4, rows).bytes, columns: 288)
        #expect(reader.weights.allSatisfy { abs($0) <= 120 })
        #expect(reader.weights.contains { abs($0) > 80 })
    }

    @Test(arguments: [ISTER_FORMAT_Q8, ISTER_FORMAT_Q4])
    func `zero rows are stored as zero steps and come back as zeros`(format: ister_format) {
        let panel = pack(format, [Float](repeating: 0, count: panelRows * 288))
        #expect(unpack(format, panel, columns: 288).allSatisfy { $0.bitPattern == 0 })
        #expect(panel.bytes[..<64].allSatisfy { $0 == 0 })
        #expect(panel.squaredError == 0 && panel.squaredSum == 0)
    }

    @Test(arguments: [ISTER_FORMAT_Q8, ISTER_FORMAT_Q4], [Float(3), -3])
    func `a lonely spike stays and its neighbours stay zero`(format: ister_format, spike: Float) {
        var rows = [Float](repeating: 0, count: panelRows * 288)
        rows[5 * 288 + 100] = spike
        let values = unpack(format, pack(format, rows), columns: 288)
        // bf16 has 8 significant bits: rounding the step is off by a relative 2^-8 at most.
        #expect(abs(values[5 * 288 + 100] - spike) <= 3 * 0x1p-8)
        #expect(values.enumerated().allSatisfy { $0.offset == 5 * 288 + 100 || $0.element == 0 })
    }

    @Test(arguments: [ISTER_FORMAT_Q8, ISTER_FORMAT_Q4])
    func `every magnitude of floats gives finite values, and down to 1e-33 the same quality`(format: ister_format) {
        var seeded = Seeded(9)
        let base = seeded.floats(panelRows * 64)
        let expected = pack(format, base).decibels
        for magnitude: Float in [
            0x1p-149, 0x1p-133, 1e-37, 1e-36, 1e-33, 1e-30, 1e-3, 1e30, 1e38, .greatestFiniteMagnitude,
        ] {
            let panel = pack(format, base.map { $0 * magnitude })
            #expect(unpack(format, panel, columns: 64).allSatisfy { $0.isFinite }, "\(magnitude)")
            #expect(panel.squaredError <= panel.squaredSum, "\(magnitude)")
            if magnitude >= 1e-33 && magnitude <= 1e38 {
                #expect(abs(panel.decibels - expected) < 0.5, "\(magnitude): \(panel.decibels) of \(expected)")
            }
        }
    }

    @Test(arguments: [ISTER_FORMAT_Q8, ISTER_FORMAT_Q4])
    func `the largest floats stay finite and steps are zero or normal`(format: ister_format) {
        // One row per magnitude: the last 16 floats, then small ones around the smallest step kept.
        var largest: [Float] = [.greatestFiniteMagnitude]
        for _ in 1..<panelRows { largest.append(largest[largest.count - 1].nextDown) }
        let smallest = (0..<panelRows).map { Float(sign: .plus, exponent: -130 + 2 * $0, significand: 1.3) }
        for magnitudes in [largest, smallest] {
            let rows = magnitudes.flatMap { magnitude in (0..<32).map { $0 % 3 == 0 ? -magnitude : magnitude } }
            let panel = pack(format, rows)
            #expect(unpack(format, panel, columns: 32).allSatisfy { $0.isFinite })
            for row in 0..<panelRows {
                // The step: a float in Q8, the upper half of one in Q4.
                let low = format == ISTER_FORMAT_Q8 ? Array(panel.bytes[4 * row..<4 * row + 2]) : [0, 0]
                let bytes = low + panel.bytes[4 * row + 2..<4 * row + 4]
                let step = Float(bitPattern: bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) })
                #expect(step == 0 || step.isNormal, "row \(row) of \(magnitudes[row])")
            }
        }
    }

    @Test(arguments: [ISTER_FORMAT_Q8, ISTER_FORMAT_Q4], [Float(0x1p-100), 0x1p100])
    func `a power of two on the weights changes nothing but the steps`(format: ister_format, factor: Float) {
        var seeded = Seeded(10)
        let rows = seeded.floats(panelRows * 256)
        let plain = LayoutReader(format, pack(format, rows).bytes, columns: 256)
        let scaled = LayoutReader(format, pack(format, rows.map { $0 * factor }).bytes, columns: 256)
        #expect(plain.weights == scaled.weights)
        #expect(plain.values.map { $0 * factor } == scaled.values)
    }

    @Test(arguments: formats)
    func `the reported sums are those of the stored values, added to what was there`(format: ister_format) {
        var seeded = Seeded(11)
        let rows = seeded.floats(panelRows * 256)
        let panel = pack(format, rows)
        #expect(panel.squaredError == squaredErrors(rows, unpack(format, panel, columns: 256), weights: [1]))
        #expect(panel.squaredSum == squaredErrors(rows, [Float](repeating: 0, count: rows.count), weights: [1]))
        let added = pack(format, rows, addedTo: 2.5)
        #expect(added.squaredError == panel.squaredError + 2.5 && added.squaredSum == panel.squaredSum + 2.5)
    }

    @Test func `importance moves the error to the columns that matter less`() {
        var seeded = Seeded(12)
        let rows = seeded.gaussian(panelRows * 576)
        let importance: [Float] = (0..<576).map { $0 % 5 == 0 ? 10 : 0.5 }
        let plain = pack(ISTER_FORMAT_Q4, rows)
        let weighted = pack(ISTER_FORMAT_Q4, rows, importance: importance)
        func error(_ panel: PackedPanel) -> Double {
            squaredErrors(rows, unpack(ISTER_FORMAT_Q4, panel, columns: 576), weights: importance)
        }
        #expect(error(weighted) < 0.9 * error(plain))
        #expect(weighted.squaredError > plain.squaredError)
        #expect(pack(ISTER_FORMAT_Q4, rows, importance: .init(repeating: 3, count: 576)).bytes == plain.bytes)
        #expect(pack(ISTER_FORMAT_Q4, rows, importance: .init(repeating: 0, count: 576)).bytes == plain.bytes)
    }

    @Test(arguments: formats)
    func `a row of a panel depends on no other row`(format: ister_format) {
        var seeded = Seeded(13)
        var rows = seeded.floats(panelRows * 288)
        let before = unpack(format, pack(format, rows), columns: 288)
        for i in 3 * 288..<4 * 288 { rows[i] = 100 * rows[i] }
        let after = unpack(format, pack(format, rows), columns: 288)
        #expect(before[..<(3 * 288)] == after[..<(3 * 288)] && before[(4 * 288)...] == after[(4 * 288)...])
    }

    /// Of each format in `formats`.
    private static let fingerprints: [UInt64] = [
        16_057_297_635_306_368_781, 10_065_898_388_252_892_885, 3_819_336_227_070_977_797, 2_954_840_815_636_639_598,
        8_178_477_508_741_832_125,
    ]

    @Test(arguments: zip(formats, fingerprints))
    func `the packed bytes are the same on every machine`(format: ister_format, expected: UInt64) {
        var seeded = Seeded(14)
        // Sums of uniform numbers: no library function whose last bit may differ.
        let rows = (0..<panelRows * 576).map { _ in seeded.floats(4).reduce(0, +) }
        let importance = (0..<576).map { Float($0 % 7) }
        let bytes = pack(format, rows).bytes + pack(format, rows, importance: importance).bytes
        let fingerprint = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        #expect(fingerprint == expected)
    }
}
