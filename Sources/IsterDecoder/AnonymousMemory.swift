internal import Glibc
internal import IsterModelFile

/// Zeroed memory, 2 MiB aligned and, unless refused, asked for in huge pages. Pages that are never touched take no memory,
/// so a buffer may be sized for the largest case.
@safe final class AnonymousMemory {
    let base: UnsafeMutableRawPointer
    let bytes: Int
    private let mapped: UnsafeMutableRawPointer
    private let mappedBytes: Int
    private static let alignment = 2 << 20

    init(bytes: Int, hugePages: Bool = true) throws(DecoderError) {
        let (length, overflow) = bytes.addingReportingOverflow(Self.alignment)
        guard !overflow, bytes >= 0 else { throw .outOfMemory(what: "buffers", bytes: bytes) }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let address = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0), unsafe address != MAP_FAILED
        else { throw .outOfMemory(what: "buffers", bytes: bytes) }
        unsafe mapped = unsafe address
        mappedBytes = length
        let offset = Int(bitPattern: address) & (Self.alignment - 1)
        unsafe base = unsafe offset == 0 ? address : address + (Self.alignment - offset)
        self.bytes = bytes
        _ = unsafe madvise(base, bytes, hugePages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE)
    }

    /// Makes every page present and, where the limit of locked memory (RLIMIT_MEMLOCK) allows it, keeps it in memory: what
    /// was computed from users' texts then never reaches a swap device. The texts themselves are elsewhere, unlocked.
    func populate() {
        for offset in stride(from: 0, to: bytes, by: 4096) {
            unsafe base.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
        }
        _ = unsafe mlock(base, bytes)
    }

    /// The part that lies in huge pages. A neighbour that the kernel has joined to this memory counts as well.
    var hugePageFraction: Double {
        let start = unsafe UInt(bitPattern: base)
        let found = MemoryMaps.anonymousHugePageBytes(MemoryMaps.read(), overlapping: start..<start + UInt(bytes))
        return bytes == 0 ? 0 : min(Double(found) / Double(bytes), 1)
    }

    deinit { _ = unsafe munmap(mapped, mappedBytes) }
}
