internal import Glibc
internal import IsterModelFile

/// Zeroed memory, 2 MiB aligned and, unless refused, asked for in huge pages. Pages that are never touched take no
/// memory, so a buffer may be sized for the largest case.
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

    /// Makes every page present and, where the limit of locked memory (RLIMIT_MEMLOCK) allows it, keeps it in memory:
    /// what was computed from users' texts then never reaches a swap device. The texts themselves are elsewhere,
    /// unlocked. Workers touch huge pages in turn, so that the pages lie on all memory nodes that workers sit on.
    func populate(_ team: Team) {
        var job = unsafe Population(base: base, bytes: bytes, workers: team.workers)
        unsafe team.run(&job) { context, _, worker in
            unsafe context.assumingMemoryBound(to: Population.self).pointee.touch(worker)
        }
        // A team may run with fewer workers than were asked for.
        for worker in 0..<team.workers { job.touch(worker) }
        _ = unsafe mlock(base, bytes)
    }

    @safe private struct Population {
        let base: UnsafeMutableRawPointer
        let bytes: Int
        let workers: Int
        /// Of a huge page.
        private let pageBytes = 2 << 20

        init(base: UnsafeMutableRawPointer, bytes: Int, workers: Int) {
            unsafe self.base = unsafe base
            self.bytes = bytes
            self.workers = workers
        }

        func touch(_ worker: Int) {
            for start in stride(from: worker * pageBytes, to: bytes, by: workers * pageBytes) {
                for offset in stride(from: start, to: min(start + pageBytes, bytes), by: 4096) {
                    unsafe base.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
                }
            }
        }
    }

    /// The part that lies in huge pages. A neighbour that the kernel has joined to this memory counts as well.
    var hugePageFraction: Double {
        let start = unsafe UInt(bitPattern: base)
        let found = MemoryMaps.anonymousHugePageBytes(MemoryMaps.read(), overlapping: start..<start + UInt(bytes))
        return bytes == 0 ? 0 : min(Double(found) / Double(bytes), 1)
    }

    deinit { _ = unsafe munmap(mapped, mappedBytes) }
}
