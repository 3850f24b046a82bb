import Foundation
import IsterModelFile
import Testing

struct ScratchFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "ister-\(UUID().uuidString)")

    @Test func `what was written is read, and the folder shows no file`() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = try ScratchFile(beside: folder.appending(path: "model.ister").path, plannedBytes: 80)
        try file.write([3, 4, 5], at: 10)
        try file.write([1, 2], at: 8)
        #expect(try file.read(count: 4, at: 8) == [1, 2, 3, 4])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        let end = #expect(throws: ModelFileError.self) { try file.read(count: 2, at: 12) }
        #expect(end?.description.contains("model.ister") == true, "\(String(describing: end))")
    }

    @Test func `a folder that is not there is named`() {
        let path = folder.appending(path: "missing/model.ister").path
        let error = #expect(throws: ModelFileError.self) { try ScratchFile(beside: path, plannedBytes: 4) }
        guard case .cannotCreate(let named, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(named.hasPrefix(path))
    }
}
