internal import Glibc

/// Pages of 2 MiB. A processor remembers where few pages lie, so a pass over all weights is faster the larger they are.
/// The page cache holds a file in the pages that it was written or read in: calls of `read` and small writes leave
/// small ones, which stay until they are dropped. File systems that have no large pages change nothing of all this.
extension OpenFile {
    static let hugePage = 2 << 20

    /// Brings a part of the file into the page cache, in large pages. Errors are left to whoever reads the part then.
    func load(from offset: Int, count: Int) {
        let start = offset / Self.hugePage * Self.hugePage
        withMapped(from: start, count: offset + count - start) { _ in }
    }

    /// Calls `body` with the address of a part of the file, from a whole large page on, while it is mapped and in
    /// memory.
    private func withMapped(from offset: Int, count: Int, _ body: (UInt) -> Void) {
        let mapped = unsafe mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, off_t(offset))
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else { return }
        _ = unsafe madvise(mapped, count, MADV_HUGEPAGE)
        _ = unsafe madvise(mapped, count, Int32(MADV_POPULATE_READ))
        body(UInt(bitPattern: mapped))
        unsafe munmap(mapped, count)
    }

    /// Whether the large page at `offset` is one in the page cache.
    private func isHugePage(at offset: Int) -> Bool {
        var bytes = 0
        withMapped(from: offset, count: Self.hugePage) { address in
            bytes = MemoryMaps.hugePageBytes(MemoryMaps.read(), in: address..<address + UInt(Self.hugePage))
        }
        return bytes == Self.hugePage
    }

    /// Reads a part of the file from the disk again, as long as nobody has it mapped.
    private func renew(from offset: Int, count: Int) {
        _ = posix_fadvise(descriptor, off_t(offset), off_t(count), POSIX_FADV_DONTNEED)
        load(from: offset, count: count)
    }

    /// Smaller files are not worth it: a good part of them stays in the processor's cache.
    private static let leastBytes = 32 << 20
    private static let samples = 16
    private static let probeBytes = 8 << 20
    /// A start may take so much longer, once: later processes find the new pages.
    private static let mostSeconds = 10.0

    /// Reads a file that lies in small pages again from the disk, if a probe shows that it then lies in large ones and
    /// that the disk is fast enough. What a process has mapped stays as it is, so this comes before the file is used.
    func renewSmallPages(length: Int, threads: Int) {
        let whole = length / Self.hugePage * Self.hugePage
        guard whole >= Self.leastBytes else { return }
        let places = (0..<Self.samples).map { whole / Self.samples * $0 / Self.hugePage * Self.hugePage }
        let small = places.filter { !isHugePage(at: $0) }
        guard small.count > Self.samples / 10, let place = small.first else { return }
        let start = ContinuousClock.now
        renew(from: place, count: min(Self.probeBytes, whole - place))
        let seconds = start.duration(to: .now) / .seconds(1)
        guard isHugePage(at: place), seconds * Double(whole / Self.probeBytes) < Self.mostSeconds else { return }
        let part = 64 << 20
        ParallelWork.run(items: (whole + part - 1) / part, threads: threads) { [self] index in
            renew(from: index * part, count: min(part, whole - index * part))
        }
    }
}

extension MappedFile {
    /// Bytes that are mapped in pages of 2 MiB.
    var hugePageBytes: Int {
        let start = unsafe UInt(bitPattern: base)
        return MemoryMaps.hugePageBytes(MemoryMaps.read(), in: start..<start + UInt(length))
    }
}
