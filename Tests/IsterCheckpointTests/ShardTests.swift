import Foundation
import IsterCheckpoint
import Testing

@Suite struct `Shards` {
    /// Two shards with the index given by `map`, shard names by tensor.
    private func write(
        _ folder: TemporaryFolder, shards: [String: [String]]? = nil,
        map change: (inout [String: String]) -> Void = { _ in }
    ) throws {
        let weights = TinyFolder().weights
        let names = weights.tensors.map(\.name)
        let shards = shards ?? ["a.safetensors": Array(names[..<9]), "b.safetensors": Array(names[9...])]
        var map: [String: String] = [:]
        for (file, tensors) in shards {
            var part = SafetensorsBuilder()
            part.tensors = weights.tensors.filter { tensors.contains($0.name) }
            try folder.write(file, part.file())
            for tensor in tensors { map[tensor] = file }
        }
        change(&map)
        let members = map.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \"\($0.value)\"" }.joined(separator: ",")
        try folder.write(
            "model.safetensors.index.json", "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {\(members)}}")
        try folder.write("config.json", TinyFolder().config)
    }

    @Test func `shards give what one file gives`() throws {
        let (folder, single) = (try TemporaryFolder(), try TemporaryFolder())
        try write(folder)
        let sharded = try Checkpoint.open(path: folder.path)
        let whole = try Checkpoint.open(path: TinyFolder().write(to: single))
        #expect(sharded.tensors.map(\.name) == whole.tensors.map(\.name))
        for (left, right) in zip(sharded.tensors, whole.tensors) {
            #expect(try sharded.values(of: left) == whole.values(of: right))
        }
        #expect(sharded.sourceFiles.count == 4)
    }

    @Test(arguments: ["../a.safetensors", "/etc/passwd", "x/a.safetensors", "..", ".", "", "a\\u0000b"])
    func `an index that leaves the folder is refused`(name: String) throws {
        let folder = try TemporaryFolder()
        try write(folder) { $0["lm_head.weight"] = name }
        guard case .shardNameNotPlain? = refusal(folder.path) else { return #expect(Bool(false), "\(name)") }
    }

    @Test func `a missing shard is named`() throws {
        let folder = try TemporaryFolder()
        try write(folder)
        try FileManager.default.removeItem(atPath: folder.path + "/b.safetensors")
        guard case .notFound(let path, _)? = refusal(folder.path) else { return #expect(Bool(false)) }
        #expect(path.hasSuffix("/b.safetensors"))
    }

    @Test func `a listed tensor that its shard lacks is named`() throws {
        let folder = try TemporaryFolder()
        try write(folder) { $0["lm_head.weight"] = "a.safetensors" }
        guard case .tensorNotInShard(_, "lm_head.weight")? = refusal(folder.path) else { return #expect(Bool(false)) }
        let ghost = try TemporaryFolder()
        try write(ghost) { $0["ghost"] = "a.safetensors" }
        guard case .tensorNotInShard(_, "ghost")? = refusal(ghost.path) else { return #expect(Bool(false)) }
    }

    @Test func `a tensor in two shards is refused`() throws {
        let folder = try TemporaryFolder()
        let names = TinyFolder().weights.tensors.map(\.name)
        try write(folder, shards: ["a.safetensors": Array(names[..<10]), "b.safetensors": Array(names[9...])])
        guard case .duplicateTensor(let tensor, _, _)? = refusal(folder.path) else { return #expect(Bool(false)) }
        #expect(tensor == names[9])
    }

    @Test(arguments: ["{}", "{\"weight_map\": []}", "{\"weight_map\": {\"a\": 1}}", "[]", "{\"weight_map\": {}}"])
    func `a malformed index is refused`(text: String) throws {
        let folder = try TemporaryFolder()
        try write(folder)
        try folder.write("model.safetensors.index.json", text)
        _ = refusal(folder.path)
    }

    @Test func `a shard may be a symbolic link, as in the Hugging Face cache`() throws {
        let (folder, elsewhere) = (try TemporaryFolder(), try TemporaryFolder())
        try write(folder)
        try FileManager.default.moveItem(atPath: folder.path + "/a.safetensors", toPath: elsewhere.path + "/blob")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/a.safetensors", withDestinationPath: elsewhere.path + "/blob")
        #expect(try Checkpoint.open(path: folder.path).tensors.count == 21)
    }
}
