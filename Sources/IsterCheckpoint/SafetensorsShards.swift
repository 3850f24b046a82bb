/// The weights of a Hugging Face folder: `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
struct SafetensorsShards {
    let files: [SafetensorsFile]
    /// The list of shards, when there is one.
    let index: CheckpointFile?

    static let singleName = "model.safetensors"
    static let indexName = "model.safetensors.index.json"

    init(folder: String) throws(CheckpointError) {
        // The single file wins where both are, as in transformers.
        let single = folder + "/" + Self.singleName
        let indexPath = folder + "/" + Self.indexName
        let (hasSingle, hasIndex) = (try pathKind(single).exists, try pathKind(indexPath).exists)
        if hasSingle || !hasIndex {
            let need = "\(Self.singleName) or \(Self.indexName) (other weight formats are not read)"
            files = [try SafetensorsFile(CheckpointFile(path: single, need: need))]
            index = nil
            return
        }
        let index = try CheckpointFile(path: indexPath, need: "the list of shards")
        let placement = try Self.placement(index)
        var files: [SafetensorsFile] = []
        for name in placement.shards {
            let path = folder + "/" + name
            files.append(try SafetensorsFile(CheckpointFile(path: path, need: "a shard that the index lists")))
        }
        try Self.check(files, placement)
        self.files = files
        self.index = index
    }

    private struct Placement {
        /// File names in the order of first mention.
        var shards: [String] = []
        /// Index into `shards` by tensor.
        var shardByTensor: [[UInt8]: Int] = [:]
    }

    /// More shards than any checkpoint has; each costs a file descriptor.
    private static let shardLimit = 512

    private static func placement(_ index: CheckpointFile) throws(CheckpointError) -> Placement {
        let object = try readJSONObject(index, limit: 64 << 20)
        let map: JSONObject
        do throws(JSONError) { map = try object.required("weight_map", object.object) } catch {
            throw .json(path: index.path, error)
        }
        var placement = Placement()
        var shardByName: [[UInt8]: Int] = [:]
        for entry in map.entries {
            guard case .string(let nameBytes) = entry.value else {
                throw .wrongValueType(
                    path: index.path, key: String(decoding: entry.key, as: UTF8.self), need: "a file name",
                    found: entry.value.kind)
            }
            if let shard = shardByName[nameBytes] {
                placement.shardByTensor[entry.key] = shard
                continue
            }
            let name = String(decoding: nameBytes, as: UTF8.self)
            guard isPlainFileName(nameBytes) else { throw .shardNameNotPlain(path: index.path, name: name) }
            placement.shardByTensor[entry.key] = placement.shards.count
            shardByName[nameBytes] = placement.shards.count
            placement.shards.append(name)
            if placement.shards.count > shardLimit {
                throw .malformed(
                    path: index.path, what: "the number of shards", found: "above \(shardLimit)", need: "fewer files")
            }
        }
        return placement
    }

    /// Nothing that could leave the folder.
    private static func isPlainFileName(_ name: [UInt8]) -> Bool {
        let isDots = name == [0x2E] || name == [0x2E, 0x2E]
        return !name.isEmpty && name.count <= 255 && !isDots && !name.contains(UInt8(ascii: "/")) && !name.contains(0)
    }

    private static func check(_ files: [SafetensorsFile], _ placement: Placement) throws(CheckpointError) {
        var found: [[UInt8]: Int] = [:]
        for (shard, file) in files.enumerated() {
            for entry in file.entries {
                if let first = found.updateValue(shard, forKey: Array(entry.name.utf8)) {
                    throw .duplicateTensor(
                        tensor: entry.name, path: files[first].file.path, secondPath: file.file.path)
                }
            }
        }
        for (tensor, shard) in placement.shardByTensor where found[tensor] != shard {
            throw .tensorNotInShard(
                path: files[shard].file.path, tensor: String(decoding: tensor, as: UTF8.self))
        }
    }
}

/// A JSON file whose document is an object.
func readJSONObject(_ file: CheckpointFile, limit: Int = 16 << 20) throws(CheckpointError) -> JSONObject {
    let bytes = try file.contents(limit: limit)
    let value: JSONValue
    do throws(JSONError) { value = try JSONValue.parse(bytes) } catch { throw .json(path: file.path, error) }
    guard case .object(let object) = value else {
        throw .malformed(path: file.path, what: "the document", found: value.kind, need: "an object")
    }
    return object
}
