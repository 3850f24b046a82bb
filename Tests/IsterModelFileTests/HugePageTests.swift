import Foundation
import Testing

@testable import IsterModelFile

@Suite struct HugePageTests {
    private static let maps = """
        7f0000000000-7f0010000000 r--s 00000000 fe:00 1  /a b/model.ister
        Size:             262144 kB
        FilePmdMapped:      4096 kB
        VmFlags: rd sh mr hg
        7f0010000000-7f0020000000 r--s 10000000 fe:00 1  /a b/model.ister
        FilePmdMapped:      2048 kB
        7f0020000000-7f0030000000 r--s 00000000 fe:00 2  /other
        FilePmdMapped:     65536 kB

        """

    @Test func `only mappings within the addresses count`() {
        #expect(MemoryMaps.hugePageBytes(Self.maps, in: 0x7f00_0000_0000..<0x7f00_2000_0000) == 6144 << 10)
        #expect(MemoryMaps.hugePageBytes(Self.maps, in: 0x7f00_1000_0000..<0x7f00_2000_0000) == 2048 << 10)
        #expect(MemoryMaps.hugePageBytes(Self.maps, in: 0..<0x1000) == 0)
    }

    @Test func `text that is no list of mappings counts nothing`() {
        let texts = [
            "", "FilePmdMapped: 4 kB", "zz-yy r--s\nFilePmdMapped: 4 kB", "0-1 r\nFilePmdMapped: x kB\nFilePmdMapped:",
        ]
        for text in texts {
            #expect(MemoryMaps.hugePageBytes(text, in: 0..<UInt.max) == 0)
        }
    }

    @Test func `anonymous pages of a mapping count as soon as it shares addresses`() {
        let maps = "1000-3000 rw-p 0 00:00 0\nAnonHugePages: 4 kB\n3000-5000 rw-p 0 00:00 0\nAnonHugePages: 8 kB\n"
        #expect(MemoryMaps.anonymousHugePageBytes(maps, overlapping: 0x2000..<0x3000) == 4 << 10)
        #expect(MemoryMaps.anonymousHugePageBytes(maps, overlapping: 0x2000..<0x4000) == 12 << 10)
        #expect(MemoryMaps.anonymousHugePageBytes(maps, overlapping: 0x5000..<0x6000) == 0)
    }

    @Test func `this process has mappings, and they are read`() {
        #expect(MemoryMaps.read().contains("FilePmdMapped:"))
    }

    /// 40 MiB, written in small pieces: small pages. Whether large ones follow is the file system's affair.
    @Test func `a file in small pages keeps its bytes when they are read again`() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/ister-pages-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/file"
        let piece = (0..<65536).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 11) }
        let bytes = (0..<640).flatMap { [UInt8(truncatingIfNeeded: $0)] + piece.dropFirst() }
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        let written = try #require(FileHandle(forWritingAtPath: path))
        for start in stride(from: 0, to: bytes.count, by: piece.count) {
            try written.write(contentsOf: bytes[start..<start + piece.count])
        }
        // Only what is on the disk is dropped from memory.
        try written.synchronize()
        try written.close()
        let file = try OpenFile.reading(path)
        let mapped = try MappedFile(file, length: bytes.count)
        mapped.populate(file, threads: 2)
        #expect(mapped.hugePageBytes <= bytes.count)
        let same = unsafe bytes.withUnsafeBytes { unsafe memcmp($0.baseAddress!, mapped.base, $0.count) }
        #expect(same == 0)
    }
}
