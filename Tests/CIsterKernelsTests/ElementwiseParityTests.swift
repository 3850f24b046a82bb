import CIsterKernels
import Glibc
import Testing

private let step = Int(ISTER_STEP)

@Suite struct ElementwiseParity {
    private static func norm(_ table: Table, _ x: [Float], _ weight: [Float], width: Int, offset: Int32) -> [Float] {
        var y = [Float](repeating: .nan, count: x.count)
        unsafe table.kernels.rms_norm(x, weight, width, 1e-5, offset, &y)
        return y
    }

    @Test(arguments: Table.vectorized + [.scalar])
    func `the norm agrees with double precision and, to the bit, with scalar`(table: Table) {
        var generator = Seeded(3)
        for width in [16, 64, 172, 2560] {
            let padded = (width + 15) / 16 * 16
            let x = generator.floats(width, in: -3...3) + Array(repeating: 0, count: padded - width)
            let weight = generator.floats(width) + Array(repeating: 0, count: padded - width)
            let mean = x.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(width)
            let scale = 1 / (mean + 1e-5).squareRoot()
            for offset in [Int32(0), 1] {
                let y = Self.norm(table, x, weight, width: width, offset: offset)
                let wrong = (0..<width).filter { i in
                    let exact = Double(x[i]) * scale * (Double(weight[i]) + Double(offset))
                    return abs(Double(y[i]) - exact) > 2e-6 * max(abs(exact), 1e-3)
                }
                #expect(wrong.isEmpty)
                #expect(bits(y) == bits(Self.norm(.scalar, x, weight, width: width, offset: offset)))
            }
        }
    }

    @Test(arguments: Table.vectorized + [.scalar])
    func `the gate is silu times up over the whole range of floats`(table: Table) {
        let gates: [Float] = [-3e38, -1000, -88, -87, -20, -1, -1e-30, 0, 1e-30, 1, 20, 87, 88, 1000, 3e38, 0.5]
        var found = gates, scalar = gates
        let up = [Float](repeating: 0.5, count: 16)
        unsafe table.kernels.swiglu(&found, up, 16)
        unsafe Table.scalar.kernels.swiglu(&scalar, up, 16)
        #expect(bits(found) == bits(scalar))
        for (gate, value) in zip(gates, found) {
            let exact = Double(gate) / (1 + exp(-Double(gate))) * 0.5
            #expect(abs(Double(value) - exact) <= 1e-6 * abs(exact) + 1e-35)
        }
    }

    @Test(arguments: Table.vectorized + [.scalar], [-Float.infinity, .infinity, .nan])
    func `a gate that is no finite number leaves none, so that quantizing finds it`(table: Table, gate: Float) {
        var found = [Float](repeating: 1, count: 16)
        found[5] = gate
        unsafe table.kernels.swiglu(&found, [Float](repeating: 0.5, count: 16), 16)
        #expect(found.indices.filter { !found[$0].isFinite } == [5])
    }

    @Test(arguments: Table.vectorized + [.scalar])
    func `a rotation keeps the length of each pair and turns by the angle`(table: Table) {
        var generator = Seeded(5)
        for half in [2, 10, 40, 64] {
            let head = generator.floats(2 * half), angles = generator.floats(half, in: -3...3)
            let cosines = angles.map { cos($0) }, sines = angles.map { sin($0) }
            var found = head, scalar = head
            unsafe table.kernels.rotate(&found, cosines, sines, half)
            unsafe Table.scalar.kernels.rotate(&scalar, cosines, sines, half)
            #expect(bits(found) == bits(scalar))
            for i in 0..<half {
                #expect(abs(found[i] - (head[i] * cosines[i] - head[i + half] * sines[i])) < 1e-6)
                #expect(abs(found[i + half] - (head[i] * sines[i] + head[i + half] * cosines[i])) < 1e-6)
            }
        }
    }

    private struct Quantized: Equatable {
        var status: Int32
        var values: [Int8]
        var scales: [UInt32]
        var subblocks: [Int32]
        var steps: [Int32]
    }

    private static func quantize(_ table: Table, _ x: [Float]) -> Quantized {
        var values = [Int8](repeating: 99, count: x.count)
        var scales = [Float](repeating: .nan, count: (x.count + step - 1) / step)
        var subblocks = [Int32](repeating: 0, count: x.count / 16), steps = [Int32](repeating: 0, count: scales.count)
        let status = unsafe table.kernels.quantize_row(x, x.count, &values, &scales, &subblocks, &steps)
        return Quantized(status: status, values: values, scales: bits(scales), subblocks: subblocks, steps: steps)
    }

    @Test(arguments: Table.vectorized + [.scalar])
    func `quantized activations are within half a step, never -128, with exact sums`(table: Table) {
        var generator = Seeded(9)
        for count in [32, 64, 576, 2560] {
            for magnitude in [Float(1e-35), 1e-20, 1, 1e30] {
                let x = generator.floats(count, in: -magnitude...magnitude)
                let q = Self.quantize(table, x)
                #expect(q == Self.quantize(.scalar, x))
                #expect(q.status == 0)
                let wrong = (0..<count).filter { i in
                    let scale = Float(bitPattern: q.scales[i / step])
                    return q.values[i] == -128 || scale > 0 && abs(Float(q.values[i]) * scale - x[i]) > scale * 0.5001
                }
                #expect(wrong.isEmpty)
                let sums = q.values.map(Int32.init)
                #expect(q.subblocks == (0..<count / 16).map { -16 * sums[$0 * 16..<$0 * 16 + 16].reduce(0, +) })
                #expect(
                    q.steps
                        == q.steps.indices.map { -128 * sums[$0 * step..<min(count, $0 * step + step)].reduce(0, +) }
                )
            }
        }
    }

    @Test(arguments: Table.vectorized + [.scalar], [Float.nan, .infinity, -.infinity])
    func `an activation that is not finite is reported`(table: Table, bad: Float) {
        var x = [Float](repeating: 0.5, count: 512)
        #expect(Self.quantize(table, x).status == 0)
        x[300] = bad
        #expect(Self.quantize(table, x).status == 1)
    }

    @Test(arguments: Table.vectorized + [.scalar])
    func `the integer peak counts the same products in every round`(table: Table) {
        let one = unsafe table.kernels.integer_peak(1)
        #expect(one > 0)
        #expect(unsafe table.kernels.integer_peak(0) == 0)
        #expect(unsafe table.kernels.integer_peak(1000) == 1000 * one)
    }
}
