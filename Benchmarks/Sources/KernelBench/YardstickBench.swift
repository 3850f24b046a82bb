import CIsterKernels
import Glibc

/// The two yardsticks, by one thread: reading memory and int8 dot products in registers.
struct YardstickBench {
    let table: Table
    let effort: Effort

    var integerPeak: Measurement {
        let clock = clockHertz()
        let rounds = 10_000
        let (seconds, slices) = effort.median { _ in _ = unsafe table.kernels.pointee.integer_peak(rounds) }
        let macs = Double(unsafe table.kernels.pointee.integer_peak(rounds))
        return Measurement(
            isa: table.name, kernel: "integer_peak", variant: "registers", tokens: nil, workingBytes: 0,
            macsPerSecond: macs / seconds, macsPerCycle: macs / seconds / clock, bytesPerSecond: nil,
            elementsPerCycle: nil, nanoseconds: seconds * 1e9, sliceCount: slices, clockHertz: clock)
    }

    /// A walk over `bytes` in pieces of 256 KiB at most.
    func stream(bytes: Int) -> Measurement {
        let piece = min(1 << 18, bytes)
        let pieces = bytes / piece
        let memory = Memory(bytes: pieces * piece)
        unsafe memset(memory.base, 1, pieces * piece)
        let clock = clockHertz()
        let (seconds, slices) = effort.median { call in
            _ = unsafe table.kernels.pointee.stream(memory.base + call % pieces * piece, piece)
        }
        return Measurement(
            isa: table.name, kernel: "stream", variant: "read", tokens: nil, workingBytes: pieces * piece,
            macsPerSecond: nil, macsPerCycle: nil, bytesPerSecond: Double(piece) / seconds, elementsPerCycle: nil,
            nanoseconds: seconds * 1e9, sliceCount: slices, clockHertz: clock)
    }
}
