import CIsterKernels
import Glibc

/// Memory that starts on a page, with the kernel asked for 2 MiB pages, as the decoder's is.
@safe final class Memory {
    let base: UnsafeMutableRawPointer
    let bytes: Int

    init(bytes: Int) {
        self.bytes = bytes
        let mapped = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else { fatal("no memory for \(bytes) bytes") }
        unsafe madvise(mapped, bytes, Int32(MADV_HUGEPAGE))
        unsafe base = unsafe mapped
    }

    deinit { unsafe munmap(base, bytes) }

    convenience init<T>(_ values: [T]) {
        self.init(bytes: max(values.count * MemoryLayout<T>.stride, 64))
        unsafe values.withUnsafeBytes { unsafe base.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    }

    func pointer<T>(_ type: T.Type) -> UnsafeMutablePointer<T> {
        unsafe base.assumingMemoryBound(to: type)
    }
}

/// Seeded numbers in -1..1 with a hump in the middle, as weights and activations have.
struct Numbers {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func floats(_ count: Int) -> [Float] {
        (0..<count).map { _ in (uniform() + uniform() + uniform()) / 3 }
    }

    private mutating func uniform() -> Float {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 32)) / 0x1p31
    }
}

/// Kernel tables of this processor, best first.
@safe struct Table {
    let name: String
    let kernels: UnsafePointer<ister_kernels>

    static var available: [Table] {
        let scalar = unsafe ister_kernels_named("scalar")!
        var tables = unsafe [UnsafePointer<ister_kernels>](repeating: scalar, count: 8)
        let count = unsafe ister_available_kernels(&tables, 8)
        return unsafe tables[..<count].map { unsafe Table(name: String(cString: $0.pointee.name), kernels: $0) }
    }
}

func fatal(_ message: String) -> Never {
    write("kernel-bench: \(message)\n", to: 2)
    exit(71)
}

/// descriptor: 1 for results, 2 for what a person reads beside them.
func write(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    var start = 0
    while start < bytes.count {
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe Glibc.write(descriptor, buffer.baseAddress! + start, buffer.count - start)
        }
        if count <= 0 { return }
        start += count
    }
}
