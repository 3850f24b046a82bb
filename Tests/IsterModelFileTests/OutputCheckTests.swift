import Foundation
import Testing

@testable import IsterModelFile

struct OutputCheckTests {
    @Test func `where no file can be made is found out, and nothing is left of the attempt`() throws {
        let model = try TinyModel()
        // The last name is short enough for a file and too long for the temporary one.
        let names = ["/absent/report", "/", "/" + String(repeating: "n", count: 250)]
        for path in names.map({ model.folder + $0 }) + [""] {
            let error = #expect(throws: ModelFileError.self, "\(path)") { try OutputCheck.requireRoomForFile(path) }
            guard case .cannotCreate(path, _) = error else {
                Issue.record("\(path): \(String(describing: error))")
                continue
            }
        }
        try OutputCheck.requireRoomForFile(model.path)
        #expect(try model.names().isEmpty)
        try model.replace([7])
        try OutputCheck.requireRoomForFile(model.path)
        #expect(try model.bytes() == [7])
        #expect(try model.names() == ["tiny.ister"])
    }

    @Test func `outputs that do not exist yet are told apart however they are spelled`() throws {
        let model = try TinyModel()
        for other in [model.path, model.folder + "/./tiny.ister", model.folder + "//tiny.ister"] {
            #expect(throws: ModelFileError.outputIsInput(path: model.path, input: other)) {
                try OutputCheck.check(model.path, replacing: true, inputs: ["none", other])
            }
        }
        for other in [model.folder + "/tiny", model.folder + "/absent/tiny.ister", "tiny.ister"] {
            #expect(throws: Never.self) { try OutputCheck.check(model.path, replacing: true, inputs: [other]) }
        }
    }

    @Test func `an output that is a link stays one, and what it leads to is replaced`() throws {
        let model = try TinyModel()
        let files = FileManager.default
        let folder = model.folder + "/store"
        try files.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try files.createSymbolicLink(atPath: model.path, withDestinationPath: "store/kept.ister")
        try Data([7]).write(to: URL(fileURLWithPath: folder + "/kept.ister"))
        #expect(throws: ModelFileError.outputExists(path: model.path)) { try model.write() }
        try model.write(replacing: true)
        #expect(try files.destinationOfSymbolicLink(atPath: model.path) == "store/kept.ister")
        #expect(try files.contentsOfDirectory(atPath: folder) == ["kept.ister"])
        #expect(try model.names() == ["store", "tiny.ister"])
        try ModelFile.open(path: folder + "/kept.ister").verify(threads: 1)
    }

    @Test func `the temporary file of a link stands beside what it leads to, and is removed there`() throws {
        let model = try TinyModel()
        let files = FileManager.default
        let folder = model.folder + "/store"
        try files.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try Data([7]).write(to: URL(fileURLWithPath: folder + "/kept"))
        try files.createSymbolicLink(atPath: model.path, withDestinationPath: "again")
        try files.createSymbolicLink(atPath: model.folder + "/again", withDestinationPath: "store/kept")
        let temporary = try TemporaryFile(target: model.path, plannedBytes: 0)
        #expect(try files.contentsOfDirectory(atPath: folder).sorted() == [".kept.tmp-\(getpid())", "kept"])
        #expect(try model.names() == ["again", "store", "tiny.ister"])
        TemporaryFile.removeOwn(target: model.path)
        #expect(try files.contentsOfDirectory(atPath: folder) == ["kept"])
        withExtendedLifetime(temporary) {}
    }

    @Test(arguments: ["absent", "tiny.ister", "store", "/dev/null"])
    func `a link to nothing, to itself and to what is no regular file is refused`(destination: String) throws {
        let model = try TinyModel()
        let files = FileManager.default
        try files.createDirectory(atPath: model.folder + "/store", withIntermediateDirectories: false)
        try files.createSymbolicLink(atPath: model.path, withDestinationPath: destination)
        for replacing in [false, true] {
            let error = #expect(throws: ModelFileError.self) {
                try OutputCheck.check(model.path, replacing: replacing, inputs: [])
            }
            guard case .cannotCreate(model.path, _) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        #expect(try model.names() == ["store", "tiny.ister"])
    }

    @Test func `more bytes than are free are refused with both counts`() throws {
        let model = try TinyModel()
        let error = #expect(throws: ModelFileError.self) { try OutputCheck.requireSpace(.max, for: model.path) }
        guard case .outOfSpace(model.path, .max, let available?) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(available >= 0)
        try OutputCheck.requireSpace(0, for: model.path)
        // What cannot be told is no refusal.
        try OutputCheck.requireSpace(.max, for: model.folder + "/absent/a")
    }

    @Test func `a process removes its own temporary file of a target and no other`() throws {
        let model = try TinyModel()
        let temporary = try TemporaryFile(target: model.path, plannedBytes: 0)
        let other = try TemporaryFile(target: model.folder + "/other", plannedBytes: 0)
        TemporaryFile.removeOwn(target: model.path)
        #expect(try model.names() == [".other.tmp-\(getpid())"])
        withExtendedLifetime((temporary, other)) {}
    }
}
