import Foundation
import Testing

@testable import IsterModelFile

struct WriterTests {
    @Test func `an existing output is kept unless replacing is asked for`() throws {
        let model = try TinyModel()
        try model.replace([1, 2, 3])
        #expect(throws: ModelFileError.outputExists(path: model.path)) { try model.write() }
        #expect(try model.bytes() == [1, 2, 3])
        #expect(try model.names() == ["tiny.ister"])
        try model.write(replacing: true)
        _ = try ModelFile.open(path: model.path)
        #expect(try model.names() == ["tiny.ister"])
    }

    @Test func `an output that appears meanwhile is not replaced`() throws {
        let model = try TinyModel()
        let writer = try ModelFileWriter(path: model.path, draft: TinyModel.draft(), replacing: false)
        try TinyModel.fill(writer)
        try model.replace([9])
        #expect(throws: ModelFileError.outputExists(path: model.path)) {
            try writer.finish(provenance: TinyModel.provenance, certificate: nil)
        }
        #expect(try model.bytes() == [9])
    }

    @Test func `the output is never an input, also through a link`() throws {
        let model = try TinyModel()
        try model.replace([1])
        let link = model.folder + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: model.path)
        #expect(throws: ModelFileError.outputIsInput(path: model.path, input: link)) {
            try ModelFileWriter(path: model.path, draft: TinyModel.draft(), replacing: true, inputs: [link])
        }
        #expect(try model.bytes() == [1])
    }

    @Test func `a writer that is dropped leaves nothing`() throws {
        let model = try TinyModel()
        try model.replace([7])
        do {
            let writer = try ModelFileWriter(path: model.path, draft: TinyModel.draft(), replacing: true)
            try TinyModel.fill(writer)
            #expect(try model.names().count == 2)
        }
        #expect(try model.names() == ["tiny.ister"])
        #expect(try model.bytes() == [7])
    }

    @Test func `bytes missing or written twice are found`() throws {
        for twice in [false, true] {
            let model = try TinyModel()
            let writer = try ModelFileWriter(path: model.path, draft: TinyModel.draft(), replacing: false)
            if twice {
                try TinyModel.fill(writer)
                let byte: [UInt8] = [0]
                try unsafe writer.write(tensor: 4, at: 8, byte.span.bytes)
            }
            let error = #expect(throws: ModelFileError.self) {
                try writer.finish(provenance: TinyModel.provenance, certificate: nil)
            }
            let name = twice ? "layers.0.key" : "embedding"
            let offset = twice ? 8 : 0
            #expect(error == .badDraft(.tensorIncomplete(name: name, offset: offset)))
            #expect(try model.names().isEmpty)
        }
    }

    @Test func `bytes that change on the disk are found before the file gets its name`() throws {
        let model = try TinyModel()
        let writer = try ModelFileWriter(path: model.path, draft: TinyModel.draft(), replacing: false)
        try TinyModel.fill(writer)
        try writer.temporary.file.write([0xEE, 0xEE, 0xEE], at: writer.plannedHeader.tensors[3].offset + 4)
        let error = #expect(throws: ModelFileError.self) {
            try writer.finish(provenance: TinyModel.provenance, certificate: nil)
        }
        guard case .inputOutput(_, "reading back", _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `stale temporary files of the same target go, others stay`() throws {
        let model = try TinyModel()
        let stale = [".tiny.ister.tmp-1", ".tiny.ister.tmp-\(getpid())"]
        let others = [".tiny.ister.tmp-x", ".other.ister.tmp-1", "tiny.ister.tmp-1"]
        for name in stale + others {
            try #require(FileManager.default.createFile(atPath: model.folder + "/" + name, contents: nil))
        }
        try model.write()
        #expect(try model.names() == (others + ["tiny.ister"]).sorted())
    }

    @Test func `a second writer of the same target does not disturb the first`() throws {
        let model = try TinyModel()
        let first = try ModelFileWriter(path: model.path, draft: TinyModel.draft(), replacing: false)
        #expect(throws: ModelFileError.self) {
            try ModelFileWriter(path: model.path, draft: TinyModel.draft(), replacing: false)
        }
        try TinyModel.fill(first)
        try first.finish(provenance: TinyModel.provenance, certificate: nil)
        try ModelFile.open(path: model.path).verify(threads: 1)
    }

    @Test func `too little free space is told before anything is written`() throws {
        let model = try TinyModel()
        var shape = TinyModel.shape
        shape.vocabularySize = 1 << 23
        shape.hiddenWidth = 1 << 18
        let error = #expect(throws: ModelFileError.self) {
            try ModelFileWriter(path: model.path, draft: TinyModel.draft(shape, .f32), replacing: false)
        }
        guard case .outOfSpace(model.path, let needed, let available?) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(needed > 1 << 44 && available < needed)
        #expect(try model.names().isEmpty)
    }

    @Test func `a file size limit in the middle of writing leaves the old file and no other`() async {
        await #expect(processExitsWith: .success) {
            let model = try TinyModel()
            try model.replace([5])
            signal(SIGXFSZ, SIG_IGN)
            let size = try ModelFileWriter(path: model.path, draft: TinyModel.draft(), replacing: true).fileBytes
            for limit in stride(from: 0, to: size, by: 4096) {
                var value = rlimit(rlim_cur: rlim_t(limit), rlim_max: rlim_t.max)
                try #require(unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &value) == 0)
                let error = #expect(throws: ModelFileError.self) { try model.write(replacing: true) }
                #expect(error == .outOfSpace(path: model.path, needed: size, available: nil))
                #expect(try model.names() == ["tiny.ister"])
                #expect(try model.bytes() == [5])
            }
        }
    }

    @Test func `a folder that does not exist and names that name no file are refused`() throws {
        let model = try TinyModel()
        for path in [model.folder + "/absent/a.ister", model.folder + "/", model.folder, ""] {
            let error = #expect(throws: ModelFileError.self, "\(path)") {
                try ModelFileWriter(path: path, draft: TinyModel.draft(), replacing: true)
            }
            guard case .cannotCreate = error else {
                Issue.record("\(path): \(String(describing: error))")
                continue
            }
        }
    }

    @Test func `a draft with a wrong format or shape is refused`() throws {
        let model = try TinyModel()
        var draft = TinyModel.draft()
        draft.formats[1] = .q8
        let format = ModelFileDefect.tensorFormat(name: "layers.0.attention_norm", found: "q8", needed: "vector")
        #expect(throws: ModelFileError.badDraft(format)) {
            try ModelFileWriter(path: model.path, draft: draft, replacing: false)
        }
        draft = TinyModel.draft()
        draft.generationDefaults.eosTokenIDs = [20]
        let token = ModelFileDefect.valueOutOfRange(field: "eosTokenIDs", found: "20", needed: "0 to 19")
        #expect(throws: ModelFileError.badDraft(token)) {
            try ModelFileWriter(path: model.path, draft: draft, replacing: false)
        }
        #expect(try model.names().isEmpty)
    }
}
