import CIsterKernels

/// Kernels that work on a row of activations in the cache, at the widths of a 1.8B model: hidden 2560, feed-forward
/// 6912, head 80.
struct RowBench {
    let table: Table
    let effort: Effort

    var all: [Measurement] { [quantize(2560), quantize(6912), norm(2560), rotate(half: 40), gate(6912)] }

    private func quantize(_ count: Int) -> Measurement {
        let x = Memory(Self.floats(count))
        let values = Memory(bytes: count)
        let sums = Memory(bytes: count * 4)
        let scales = Memory(bytes: count * 4)
        let offsets = Memory(bytes: count * 4)
        return measure("quantize_row", "\(count)", elements: count, bytes: count * 5) { _ in
            _ = unsafe table.kernels.pointee.quantize_row(
                x.pointer(Float.self), count, values.pointer(Int8.self), scales.pointer(Float.self),
                sums.pointer(Int32.self), offsets.pointer(Int32.self))
        }
    }

    private func norm(_ count: Int) -> Measurement {
        let x = Memory(Self.floats(count))
        let weight = Memory(Self.floats(count))
        let y = Memory(bytes: count * 4)
        return measure("rms_norm", "\(count)", elements: count, bytes: count * 12) { _ in
            unsafe table.kernels.pointee.rms_norm(
                x.pointer(Float.self), weight.pointer(Float.self), count, 1e-5, 0, y.pointer(Float.self))
        }
    }

    private func rotate(half: Int) -> Measurement {
        let head = Memory(Self.floats(2 * half))
        // A turn by nothing, so that the numbers stay as they are over millions of calls.
        let cosines = Memory([Float](repeating: 1, count: half))
        let sines = Memory([Float](repeating: 0, count: half))
        return measure("rotate", "\(2 * half)", elements: 2 * half, bytes: half * 24) { _ in
            unsafe table.kernels.pointee.rotate(
                head.pointer(Float.self), cosines.pointer(Float.self), sines.pointer(Float.self), half)
        }
    }

    private func gate(_ count: Int) -> Measurement {
        // 0 stays 0; other numbers would shrink from call to call until they are denormal, which is slow.
        let gate = Memory([Float](repeating: 0, count: count))
        let up = Memory(Self.floats(count))
        return measure("swiglu", "\(count)", elements: count, bytes: count * 12) { _ in
            unsafe table.kernels.pointee.swiglu(gate.pointer(Float.self), up.pointer(Float.self), count)
        }
    }

    private static func floats(_ count: Int) -> [Float] {
        var numbers = Numbers(7)
        return numbers.floats(count)
    }

    private func measure(
        _ kernel: String, _ variant: String, elements: Int, bytes: Int, _ body: (Int) -> Void
    ) -> Measurement {
        let clock = clockHertz()
        let (seconds, slices) = effort.median(body)
        return Measurement(
            isa: table.name, kernel: kernel, variant: variant, tokens: nil, workingBytes: bytes, macsPerSecond: nil,
            macsPerCycle: nil, bytesPerSecond: Double(bytes) / seconds,
            elementsPerCycle: Double(elements) / seconds / clock, nanoseconds: seconds * 1e9, sliceCount: slices,
            clockHertz: clock)
    }
}
