import CIsterKernels
import Glibc

/// Seeded numbers: SplitMix64.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
    }
}

/// A kernel table by name, as test argument.
struct Table: Sendable, CustomStringConvertible {
    let name: String
    var description: String { name }
    var kernels: ister_kernels { unsafe ister_kernels_named(name)!.pointee }

    /// All tables of this processor but scalar.
    static let vectorized: [Table] = {
        let scalar = unsafe ister_kernels_named("scalar")!
        var tables = unsafe [UnsafePointer<ister_kernels>](repeating: scalar, count: 8)
        let count = unsafe ister_available_kernels(&tables, 8)
        let names = unsafe tables[..<count].map { unsafe String(cString: $0.pointee.name) }
        return names.filter { $0 != "scalar" }.map(Table.init)
    }()
    static let scalar = Table(name: "scalar")
}

/// Bytes that end where an unreadable page begins, so that a read past the end is a fault and not luck.
@safe final class GuardedBytes {
    let start: UnsafeMutableRawPointer
    private let mapping: UnsafeMutableRawPointer
    private let mappedBytes: Int

    init(_ bytes: [UInt8]) {
        let pages = (bytes.count + 4095) / 4096 + 1
        mappedBytes = pages * 4096
        unsafe mapping = mmap(nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        unsafe start = unsafe mapping + (pages - 1) * 4096 - bytes.count
        unsafe start.copyMemory(from: bytes, byteCount: bytes.count)
        precondition(unsafe mprotect(mapping + (pages - 1) * 4096, 4096, PROT_NONE) == 0)
    }

    deinit { unsafe munmap(mapping, mappedBytes) }
}

/// Memory with a stable address for C structs that hold pointers.
@safe final class Owned<Element> {
    let start: UnsafeMutablePointer<Element>
    let count: Int

    init(_ elements: [Element]) {
        count = elements.count
        unsafe start = .allocate(capacity: max(count, 1))
        unsafe start.initialize(from: elements, count: count)
    }

    convenience init(repeating element: Element, count: Int) { self.init(Array(repeating: element, count: count)) }

    deinit { unsafe start.deallocate() }

    var array: [Element] { unsafe Array(UnsafeBufferPointer(start: start, count: count)) }
}

/// Bit patterns, for comparison byte by byte: NaN equals itself and -0 differs from 0.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
