internal import Glibc

/// Pages of 2 MiB. A processor remembers where few pages lie, so a pass over all weights is faster the larger they are.
/// The page cache holds a file in the pages that it was written or read in: calls of `read` and small writes leave small
/// ones, which stay until they are dropped. File systems that have no large pages change nothing of all this.
extension OpenFile {
    static let hugePage = 2 << 20

    /// Brings a part of the file into the page cache, in large pages. Errors are left to whoever reads the part then.
    func load(from offset: Int, count: Int) {
        let start = offset / Self.hugePage * Self.hugePage
        let length = offset + count - start
        let mapped = unsafe mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, off_t(start))
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else { return }
        _ = unsafe madvise(mapped, length, MADV_HUGEPAGE)
        _ = unsafe madvise(mapped, length, Int32(MADV_POPULATE_READ))
        unsafe munmap(mapped, length)
    }
}

extension MappedFile {
    /// Smaller files are not worth it: a good part of them stays in the processor's cache.
    private static let leastBytes = 32 << 20
    private static let probeBytes = 8 << 20
    /// A start may take so much longer, once: later processes find the new pages.
    private static let mostSeconds = 10.0

    /// Bytes that are mapped in pages of 2 MiB.
    var hugePageBytes: Int {
        let start = unsafe UInt(bitPattern: base)
        return MemoryMaps.hugePageBytes(MemoryMaps.read(), in: start..<start + UInt(length))
    }

    /// Reads what lies in small pages again from the disk if a probe shows that it then lies in large ones and that the
    /// disk is fast enough. What another process has mapped stays as it is.
    func renewSmallPages(_ file: OpenFile, threads: Int) {
        let whole = length / OpenFile.hugePage * OpenFile.hugePage
        guard whole >= Self.leastBytes, hugePageBytes < whole / 10 * 9 else { return }
        guard let rate = probe(file), Double(whole - hugePageBytes) / rate < Self.mostSeconds else { return }
        let part = 64 << 20
        ParallelWork.run(items: (whole + part - 1) / part, threads: threads) { [self] index in
            renew(file, from: index * part, count: min(part, whole - index * part))
        }
    }

    /// Bytes per second of renewing one of a few places; nil where no page became larger by it.
    private func probe(_ file: OpenFile) -> Double? {
        for place in 0..<4 {
            let offset = length / 4 * place / OpenFile.hugePage * OpenFile.hugePage
            let before = hugePageBytes
            let start = ContinuousClock.now
            renew(file, from: offset, count: Self.probeBytes)
            let seconds = start.duration(to: .now) / .seconds(1)
            if hugePageBytes >= before + Self.probeBytes / 2 { return Double(Self.probeBytes) / seconds }
        }
        return nil
    }

    /// Only pages that nobody has mapped are dropped, so they are unmapped here first.
    private func renew(_ file: OpenFile, from offset: Int, count: Int) {
        _ = unsafe madvise(UnsafeMutableRawPointer(mutating: base + offset), count, MADV_DONTNEED)
        _ = posix_fadvise(file.descriptor, off_t(offset), off_t(count), POSIX_FADV_DONTNEED)
        populate(from: offset, count: count)
    }
}

/// What the kernel tells of a process's mappings (/proc/self/smaps).
enum MemoryMaps {
    static func read() -> String {
        guard let file = unsafe fopen("/proc/self/smaps", "re") else { return "" }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe fread(&buffer, 1, buffer.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    /// Sum of the lines "FilePmdMapped: N kB" of the mappings that begin within the addresses.
    static func hugePageBytes(_ text: String, in addresses: Range<UInt>) -> Int {
        var isWithin = false
        var sum = 0
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 2)
            guard let name = words.first else { continue }
            if !name.hasSuffix(":") {
                let start = name.split(separator: "-").first.flatMap { UInt($0, radix: 16) }
                isWithin = start.map(addresses.contains) ?? false
            } else if isWithin, name == "FilePmdMapped:", words.count > 1 {
                sum += (Int(words[1]) ?? 0) << 10
            }
        }
        return sum
    }
}
