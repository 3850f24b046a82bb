import Foundation
import IsterModelFile
import Testing

struct MappingGuardTests {
    private func sum(_ view: TensorView) -> Int {
        var sum = 0
        for offset in 0..<view.length { sum += Int(unsafe view.pointer.load(fromByteOffset: offset, as: UInt8.self)) }
        return sum
    }

    @Test func `a file that shrinks while mapped gives zeros and is known as damaged before`() throws {
        let model = try TinyModel()
        try model.write()
        let path = model.path
        let file = try ModelFile.open(path: path)
        let other = try ModelFile.open(path: path)
        try file.guardMapping()
        try file.guardMapping()
        try other.guardMapping()
        let name = try #require(file.header.tensors.last?.name)
        let view = try #require(file.tensor(named: name))
        let before = sum(view)
        #expect(before != 0)
        #expect(!file.isDamaged)
        let truncated = unsafe truncate(path, 4096)
        #expect(truncated == 0)
        #expect(sum(view) == 0)
        #expect(file.isDamaged)
        // The other mapping of the same file has not been read yet: the file's length tells.
        #expect(other.isDamaged)
        #expect(sum(try #require(other.tensor(named: name))) == 0)
        // With its length back, only the signals that came tell of the zeros.
        let lengthened = unsafe truncate(path, off_t(file.fileBytes))
        #expect(lengthened == 0)
        #expect(file.isDamaged && other.isDamaged)
    }

    @Test func `a file that loses only the end of its last page is known as damaged`() throws {
        let model = try TinyModel()
        try model.write()
        let file = try ModelFile.open(path: model.path)
        try file.guardMapping()
        #expect(!file.isDamaged)
        // No signal comes for it: the kernel has the page and fills it up with zeros.
        let truncated = unsafe truncate(model.path, off_t(file.fileBytes - 1))
        #expect(truncated == 0)
        #expect(file.isDamaged)
    }

    @Test(.enabled(if: FileManager.default.isWritableFile(atPath: "/dev/shm")))
    func `pages of a file that lies in memory cannot be dropped`() throws {
        let model = try TinyModel()
        try model.write()
        let place = "/dev/shm/ister-\(UUID().uuidString)"
        try FileManager.default.copyItem(atPath: model.path, toPath: place)
        defer { try? FileManager.default.removeItem(atPath: place) }
        #expect(try ModelFile.open(path: place).droppableBytes == 0)
    }

    @Test func `a file that another replaces stays what it was`() throws {
        let model = try TinyModel()
        try model.write()
        let path = model.path
        let file = try ModelFile.open(path: path)
        try file.guardMapping()
        let name = try #require(file.header.tensors.last?.name)
        let view = try #require(file.tensor(named: name))
        let before = sum(view)
        try Data("other".utf8).write(to: URL(filePath: model.folder + "/new"))
        let renamed = unsafe rename(model.folder + "/new", path)
        #expect(renamed == 0)
        #expect(sum(view) == before)
        #expect(!file.isDamaged)
    }

    @Test func `places for guards come back`() throws {
        let model = try TinyModel()
        try model.write()
        let path = model.path
        for _ in 0..<100 { try ModelFile.open(path: path).guardMapping() }
    }
}
