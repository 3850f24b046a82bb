import Foundation
import Synchronization
import Testing

@testable import IsterModelFile

struct TemporaryFileTests {
    private func status(_ path: String) -> stat? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status : nil
    }

    /// Others look for stale files all the while, and may see a file before its owner has locked it.
    @Test func `a new file keeps its name while others remove stale ones`() throws {
        let model = try TinyModel()
        let isOver = Mutex(false)
        let others = Thread {
            while !isOver.withLock({ $0 }) { TemporaryFile.removeStale(folder: model.folder, name: "tiny.ister") }
        }
        others.start()
        defer { isOver.withLock { $0 = true } }
        for _ in 0..<1000 {
            let temporary = try TemporaryFile(target: model.path, plannedBytes: 0)
            let named = try #require(status(temporary.path))
            let opened = try temporary.file.status()
            try #require(named.st_ino == opened.st_ino && opened.st_nlink == 1)
            temporary.remove()
        }
    }

    @Test func `a folder that cannot be opened is found before the file has its name`() async {
        await #expect(processExitsWith: .success) {
            let model = try TinyModel()
            let temporary = try TemporaryFile(target: model.path, plannedBytes: 0)
            var limit = rlimit()
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            try #require(unsafe getrlimit(resource, &limit) == 0)
            var none = rlimit(rlim_cur: 0, rlim_max: limit.rlim_max)
            try #require(unsafe setrlimit(resource, &none) == 0)
            var failure: ModelFileError?
            do throws(ModelFileError) { try temporary.commit(replacing: true) } catch { failure = error }
            try #require(unsafe setrlimit(resource, &limit) == 0)
            guard case .inputOutput(model.folder, "open", _) = failure else { exit(1) }
            guard unsafe access(model.path, F_OK) != 0 else { exit(2) }
        }
    }

    @Test func `an output that is a link to nothing is refused at once`() throws {
        let model = try TinyModel()
        try FileManager.default.createSymbolicLink(atPath: model.path, withDestinationPath: "absent")
        for replacing in [false, true] {
            let error = #expect(throws: ModelFileError.self) {
                try ModelFileWriter(path: model.path, draft: TinyModel.draft(), replacing: replacing)
            }
            guard case .cannotCreate(model.path, _) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        #expect(try model.names() == ["tiny.ister"])
    }
}
