import Foundation
import Testing

@testable import IsterCheckpoint

@Suite struct `GGUF metadata` {
    private func metadata(_ change: (inout GGUFBuilder) -> Void) throws -> GGUFMetadata {
        let folder = try TemporaryFolder()
        var builder = GGUFBuilder.tiny()
        change(&builder)
        let path = try folder.write("x.gguf", builder.file)
        return try GGUFFile(CheckpointFile(path: path, need: "a file")).metadata
    }

    @Test func `arrays that nobody reads are stepped over, others kept`() throws {
        let found = try metadata {
            $0.set("x.numbers", .integers([1, 2, 3]))
            $0.set("x.words", .strings(["a", "", "bc"]))
            $0.set("tokenizer.ggml.token_type", .integers([1, 2]))
            $0.set("x.last", .u32(7))
        }
        #expect(found.values["x.numbers"] == .skipped(.int32))
        #expect(found.values["x.words"] == .skipped(.string))
        #expect(try found.integers("tokenizer.ggml.token_type") == [1, 2])
        #expect(try found.integer("x.last") == 7)
    }

    @Test func `elements of a skipped array lie within the file`() throws {
        let folder = try TemporaryFolder()
        var builder = GGUFBuilder.tiny()
        builder.set("x", .array(elementType: 8, count: 1, UInt64(1 << 20).bytes))
        guard case .truncated? = refusal(try folder.write("x.gguf", builder.file)) else {
            return #expect(Bool(false))
        }
    }

    /// Keys of 4 MiB each, in a file of holes.
    @Test func `all metadata together are bounded`() throws {
        let folder = try TemporaryFolder()
        var builder = GGUFBuilder()
        builder.tensorCount = 1
        builder.keyCount = 80
        let path = try folder.write("x.gguf", builder.head)
        let file = try #require(FileHandle(forWritingAtPath: path))
        for index in 0..<80 {
            let end = try file.seekToEnd()
            let value = GGUFBuilder.Value.array(elementType: 0, count: 4 << 20, [])
            try file.write(contentsOf: GGUFBuilder.string("key.\(index)") + value.bytes)
            try file.truncate(atOffset: try file.offset() + 4 << 20)
            #expect(try file.offset() > end)
        }
        try file.close()
        guard case .malformed(_, "the end of the array \"key.63\"", _, _)? = refusal(path) else {
            return #expect(Bool(false), "\(String(describing: refusal(path)))")
        }
    }
}
