internal import CIsterKernels
internal import Glibc
internal import Synchronization

/// A whole file mapped for reading.
/// Sendable: the pages are mapped read-only, `base` is constant, and they are unmapped only in `deinit`.
@safe final class MappedFile: @unchecked Sendable {
    let base: UnsafeRawPointer
    let length: Int
    /// Of the guard against the file shrinking; -1: not guarded.
    private let guardSlot = Atomic<Int32>(-1)
    /// Keeps the reads of `populate` from being optimized away.
    private let touched = Atomic<UInt8>(0)

    /// `length`: the size that the file was found to have, positive.
    init(_ file: OpenFile, length: Int) throws(ModelFileError) {
        let mapped = unsafe mmap(nil, length, PROT_READ, MAP_SHARED, file.descriptor, 0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
            throw .cannotMap(path: file.path, bytes: length, reason: systemReason(errno))
        }
        unsafe base = UnsafeRawPointer(mapped)
        self.length = length
        // What is read from the disk then comes in pages of 2 MiB, where the file system has such; others refuse.
        _ = unsafe madvise(mapped, length, MADV_HUGEPAGE)
    }

    deinit {
        ister_release_mapping(guardSlot.load(ordering: .acquiring))
        unsafe munmap(UnsafeMutableRawPointer(mutating: base), length)
    }

    /// Returns whether the mapping is guarded now.
    func guardPages() -> Bool {
        if guardSlot.load(ordering: .acquiring) >= 0 { return true }
        let slot = unsafe ister_guard_mapping(base, length)
        guard slot >= 0 else { return guardSlot.load(ordering: .acquiring) >= 0 }
        let (isFirst, _) = guardSlot.compareExchange(expected: -1, desired: slot, ordering: .acquiringAndReleasing)
        if !isFirst { ister_release_mapping(slot) }
        return true
    }

    var isDamaged: Bool { ister_mapping_is_damaged(guardSlot.load(ordering: .acquiring)) }

    /// Reads all pages of the file into memory, so that the first request does not wait for the disk page by page.
    func populate(_ file: OpenFile, threads: Int) {
        file.renewSmallPages(length: length, threads: threads)
        let part = 64 << 20
        ParallelWork.run(items: (length + part - 1) / part, threads: threads) { [self] index in
            populate(from: index * part, count: min(part, length - index * part))
        }
    }

    func unmapPages() {
        _ = unsafe madvise(UnsafeMutableRawPointer(mutating: base), length, MADV_DONTNEED)
    }

    private func populate(from offset: Int, count: Int) {
        let start = unsafe UnsafeMutableRawPointer(mutating: base + offset)
        // Linux 5.14; older kernels refuse the advice, and then a byte of every page is read.
        if unsafe madvise(start, count, Int32(MADV_POPULATE_READ)) == 0 { return }
        var sum: UInt8 = 0
        for page in stride(from: 0, to: count, by: FileLayout.alignment) {
            sum ^= unsafe start.load(fromByteOffset: page, as: UInt8.self)
        }
        touched.store(sum, ordering: .relaxed)
    }
}
