import CIsterKernels
import Glibc
import Testing

/// Rounding with error feedback, against plain arithmetic.
@Suite struct FeedbackTests {
    static let formats = [ISTER_FORMAT_Q8, ISTER_FORMAT_Q4, ISTER_FORMAT_Q8G32, ISTER_FORMAT_Q4G32]

    /// Inputs whose neighbouring columns go together, or there would be nothing for the feedback to use.
    private func samples(_ count: Int, _ width: Int) -> [Float] {
        var seeded = Seeded(UInt64(width))
        var samples = seeded.gaussian(count * width)
        for index in 1..<samples.count { samples[index] += 0.7 * samples[index - 1] }
        return samples
    }

    private func gram(_ samples: [Float], width: Int, part: Float = 1) -> [Float] {
        let count = samples.count / width
        var packed = [Float](repeating: 0, count: samples.count)
        unsafe ister_gram_pack(samples, count, width, width, width, &packed)
        var gram = [Float](repeating: 0, count: width * width)
        unsafe ister_gram_add(packed, count, width, 0, width / 16, &gram)
        unsafe ister_gram_mirror(&gram, width, part)
        return gram
    }

    /// U with U^T U = (gram + damping)^-1, in the steps that the quantizer takes.
    private func inverseFactor(_ gram: [Float], width: Int, damping: Double) -> [Float] {
        var work = gram.map(Double.init)
        for column in 0..<width { work[column * (width + 1)] += damping }
        var transposed = [Double](repeating: 0, count: Int(ISTER_FACTOR_BLOCK) * width)
        var end = width
        while end > 0 {
            let begin = max(0, end - Int(ISTER_FACTOR_BLOCK))
            #expect(unsafe ister_factor_diagonal(&work, width, begin, end) == 0)
            unsafe ister_factor_rows(&work, width, begin, end, 0, begin, &transposed)
            unsafe ister_factor_update(&work, width, begin, end, 0, begin, transposed)
            end = begin
        }
        var inverse = [Float](repeating: .nan, count: width * width)
        var scratch = [Double](repeating: 0, count: width * 32)
        for column in stride(from: 0, to: width, by: 32) {
            unsafe ister_factor_invert(work, width, column, &scratch, &inverse)
        }
        return inverse
    }

    private func packWithFeedback(
        _ format: ister_format, _ rows: [Float], _ gram: [Float], damping: Double
    ) -> (panel: PackedPanel, sums: ister_feedback_sums) {
        let width = rows.count / panelRows
        let inverse = inverseFactor(gram, width: width, damping: damping)
        var bytes = [UInt8](repeating: 0xEE, count: ister_panel_bytes(format, width))
        var sums = ister_feedback_sums()
        let workspace = UnsafeMutableRawPointer.allocate(
            byteCount: ister_feedback_workspace(width), alignment: 64)
        defer { unsafe workspace.deallocate() }
        unsafe ister_pack_feedback(format, rows, width, gram, inverse, workspace, &bytes, &sums)
        return (PackedPanel(bytes: bytes, squaredError: sums.squared_error, squaredSum: sums.squared_sum), sums)
    }

    /// Sum over rows of e gram e^T.
    private func energy(_ errors: [Float], _ gram: [Float]) -> Double {
        let width = errors.count / panelRows
        var sum = 0.0
        for row in 0..<panelRows {
            for i in 0..<width {
                let e = Double(errors[row * width + i])
                for j in 0..<width { sum += e * Double(gram[i * width + j]) * Double(errors[row * width + j]) }
            }
        }
        return sum
    }

    @Test func `rows of inputs count alike, and what columns have in common counts in part`() {
        let width = 64
        var rows = samples(40, width)
        for column in 0..<width { rows[column] *= 1000 }
        for column in 0..<width { rows[width + column] = 0 }
        let found = gram(rows, width: width, part: 0.7)
        var expected = [Double](repeating: 0, count: width * width)
        for row in 0..<40 {
            let values = rows[row * width..<(row + 1) * width].map(Double.init)
            let square = values.reduce(0) { $0 + $1 * $1 }
            guard square > 0 else { continue }
            for i in 0..<width {
                for j in 0..<width { expected[i * width + j] += values[i] * values[j] * Double(width) / square }
            }
        }
        for i in 0..<width {
            for j in 0..<width {
                let wanted = expected[i * width + j] * (i == j ? 1 : Double(Float(0.7)))
                #expect(abs(Double(found[i * width + j]) - wanted) < 1e-4 * 40)
            }
        }
    }

    @Test(arguments: [Float.nan, .infinity])
    func `an input that is not finite shows in the diagonal`(value: Float) {
        var rows = samples(4, 32)
        rows[37] = value
        let found = gram(rows, width: 32)
        #expect((0..<32).contains { !found[$0 * 33].isFinite })
    }

    @Test(arguments: [96, 352]) func `the factor is that of the inverse`(width: Int) {
        let gram = gram(samples(2 * width, width), width: width)
        let inverse = inverseFactor(gram, width: width, damping: 2)
        // (U^T U) (gram + 2) = 1, checked in some rows; the largest element of gram is about 2 * width.
        for row in [0, 1, width / 2, width - 1] {
            var product = [Double](repeating: 0, count: width)
            for k in 0..<width {
                var element = 0.0
                for m in 0...min(row, k) {
                    element += Double(inverse[m * width + row]) * Double(inverse[m * width + k])
                }
                for j in 0..<width { product[j] += element * (Double(gram[k * width + j]) + (k == j ? 2 : 0)) }
            }
            for j in 0..<width { #expect(abs(product[j] - (j == row ? 1 : 0)) < 2e-3) }
        }
    }

    @Test(arguments: formats, [96, 288, 576])
    func `the sums are those of what is stored, and feedback gains a third`(format: ister_format, width: Int) {
        var seeded = Seeded(UInt64(width) + 3)
        let rows = seeded.laplace(panelRows * width)
        let gram = gram(samples(2 * width, width), width: width)
        let (panel, sums) = packWithFeedback(format, rows, gram, damping: 0.02 * Double(width))
        let stored = LayoutReader(format, panel.bytes, columns: width).values
        let errors = zip(rows, stored).map { $0 - $1 }
        #expect(abs(energy(errors, gram) / sums.weighted_error - 1) < 1e-3)
        #expect(abs(energy(rows, gram) / sums.weighted_sum - 1) < 1e-4)
        let squares = errors.reduce(0) { $0 + Double($1) * Double($1) }
        #expect(abs(squares / sums.squared_error - 1) < 1e-4)
        #expect(sums.weighted_error < 0.67 * sums.plain_error)
    }

    @Test(arguments: [ISTER_FORMAT_Q8, ISTER_FORMAT_Q8G32])
    func `8 bits with feedback stay within -127 and 127`(format: ister_format) {
        var seeded = Seeded(11)
        let rows = seeded.laplace(panelRows * 288)
        let gram = gram(samples(600, 288), width: 288)
        let (panel, _) = packWithFeedback(format, rows, gram, damping: 1)
        let weights = LayoutReader(format, panel.bytes, columns: 288).weights
        #expect(weights.allSatisfy { abs($0) <= 127 })
    }

    @Test(arguments: formats) func `columns that nothing is known about are rounded plainly`(format: ister_format) {
        var seeded = Seeded(5)
        let rows = seeded.gaussian(panelRows * 64)
        let identity = (0..<64 * 64).map { Float($0 % 65 == 0 ? 1 : 0) }
        let (panel, sums) = packWithFeedback(format, rows, identity, damping: 0.01)
        #expect(sums.weighted_error <= sums.plain_error)
        #expect(sums.weighted_error > 0.99 * pack(format, rows).squaredError)
        #expect(panel.squaredError == sums.squared_error)
    }

    @Test(arguments: formats) func `zero rows stay zero`(format: ister_format) {
        let rows = [Float](repeating: 0, count: panelRows * 96)
        let (panel, sums) = packWithFeedback(format, rows, gram(samples(200, 96), width: 96), damping: 1)
        #expect(LayoutReader(format, panel.bytes, columns: 96).values.allSatisfy { $0 == 0 })
        #expect(panel.bytes == pack(format, rows).bytes)
        #expect(sums.weighted_error == 0 && sums.plain_error == 0)
    }
}
