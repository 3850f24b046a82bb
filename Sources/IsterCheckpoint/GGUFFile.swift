/// One GGUF file, version 2 or 3, little-endian. Source: `docs/gguf.md` of ggml. The head is proved sound before
/// anything is read: counts, names, types, alignment, extents inside the file, no overlap.
struct GGUFFile {
    struct Entry {
        let name: String
        /// GGML's number.
        let type: UInt32
        /// Slowest dimension first, as everywhere in Ister; the file has it reversed.
        let shape: [Int]
        /// First byte in the file.
        let offset: Int
        /// Zero when the type is not supported: its size is then unknown.
        let byteCount: Int

        var weightType: WeightType? { GGUFFile.weightTypes[type] }
    }

    let file: CheckpointFile
    let metadata: GGUFMetadata
    let entries: [Entry]

    // Limits far above real files (SmolLM2: 33 keys, 272 tensors).
    private static let keyCountLimit = 65_536
    private static let tensorCountLimit = 65_536
    private static let keyBytesLimit = 65_536
    private static let nameBytesLimit = 256
    private static let alignmentLimit = 65_536

    init(_ file: CheckpointFile) throws(CheckpointError) {
        self.file = file
        var cursor = GGUFCursor(file: file)
        try Self.checkMagic(&cursor)
        // Least tensor: name length, one letter, dimension count, one dimension, type, offset.
        let tensorCount = try cursor.count(
            "the tensor count", limit: Self.tensorCountLimit, recordBytes: 8 + 1 + 4 + 8 + 4 + 8)
        // Least key: key length, one letter, type, one byte.
        let keyCount = try cursor.count("the key count", limit: Self.keyCountLimit, recordBytes: 8 + 1 + 4 + 1)
        var metadata = GGUFMetadata(path: file.path)
        for _ in 0..<keyCount {
            let key = try cursor.name("a key", limit: Self.keyBytesLimit)
            let value = try cursor.value(key, keepsArray: GGUFVocabulary.arrayKeys.contains(key))
            if !metadata.append(key, value) {
                throw .malformed(path: file.path, what: "key \(quoted(key))", found: "there twice", need: "once")
            }
        }
        let alignment = try Self.alignment(metadata)
        var heads: [Head] = []
        for _ in 0..<tensorCount { heads.append(try Self.head(&cursor, alignment: alignment)) }
        guard let dataStart = alignedUp(cursor.offset, to: alignment) else {
            throw .truncated(path: file.path, what: "the data", needBytes: .max, foundBytes: 0)
        }
        var entries: [Entry] = []
        for head in heads { entries.append(try Self.entry(file, head, dataStart: dataStart)) }
        try Self.checkDisjoint(file, entries)
        self.metadata = metadata
        self.entries = entries
    }

    private static func checkMagic(_ cursor: inout GGUFCursor) throws(CheckpointError) {
        let path = cursor.file.path
        let magic = try cursor.bytes(4, "the magic")
        if !magic.elementsEqual("GGUF".utf8) {
            let found = magic.map { String($0, radix: 16) }.joined(separator: " ")
            throw .malformed(path: path, what: "the magic", found: found, need: "GGUF")
        }
        let version = try cursor.integer("the version", as: UInt32.self)
        if version == 2 || version == 3 { return }
        let isSwapped = version.byteSwapped <= 3
        throw .malformed(
            path: path, what: "the version", found: isSwapped ? "big-endian" : "\(version)",
            need: "2 or 3, little-endian")
    }

    private static func alignment(_ metadata: GGUFMetadata) throws(CheckpointError) -> Int {
        let key = "general.alignment"
        guard let alignment = try metadata.integer(key) else { return 32 }
        guard alignment > 0, alignment <= alignmentLimit, alignment & (alignment - 1) == 0 else {
            throw .settingOutOfRange(
                path: metadata.path, key: key, found: "\(alignment)", need: "a power of two up to \(alignmentLimit)")
        }
        return alignment
    }

    private struct Head {
        let name: String
        let shape: [Int]
        let type: UInt32
        let offset: Int
    }

    private static func head(_ cursor: inout GGUFCursor, alignment: Int) throws(CheckpointError) -> Head {
        let path = cursor.file.path
        let name = try cursor.name("a tensor name", limit: nameBytesLimit)
        let dimensionCount = try cursor.integer("the dimension count of \(quoted(name))", as: UInt32.self)
        guard (1...4).contains(dimensionCount) else {
            throw .badTensorExtent(path: path, tensor: name, found: "\(dimensionCount) dimensions", need: "1 to 4")
        }
        var shape: [Int] = []
        for _ in 0..<dimensionCount {
            let dimension = try cursor.integer("a dimension of \(quoted(name))", as: UInt64.self)
            guard dimension > 0, let dimension = Int(exactly: dimension) else {
                throw .badTensorExtent(
                    path: path, tensor: name, found: "a dimension of \(dimension)", need: "1 to 2^63")
            }
            shape.append(dimension)
        }
        let type = try cursor.integer("the type of \(quoted(name))", as: UInt32.self)
        let offset = try cursor.integer("the offset of \(quoted(name))", as: UInt64.self)
        guard let offset = Int(exactly: offset), offset % alignment == 0 else {
            throw .badTensorExtent(
                path: path, tensor: name, found: "offset \(offset)", need: "a multiple of \(alignment)")
        }
        return Head(name: name, shape: shape.reversed(), type: type, offset: offset)
    }

    private static func entry(
        _ file: CheckpointFile, _ head: Head, dataStart: Int
    ) throws(CheckpointError) -> Entry {
        func refuse(_ found: String, _ need: String) -> CheckpointError {
            .badTensorExtent(path: file.path, tensor: head.name, found: found, need: need)
        }
        var byteCount = 0
        if let type = weightTypes[head.type] {
            let columns = head.shape[head.shape.count - 1]
            if columns % type.blockLength != 0 {
                throw refuse("rows of \(columns)", "whole blocks of \(type.blockLength) in \(type.rawValue)")
            }
            let blocks = checkedProduct(head.shape.dropLast() + [columns / type.blockLength, type.blockBytes])
            guard let blocks else { throw refuse("shape \(head.shape)", "a size below 2^63 bytes") }
            byteCount = blocks
        }
        guard let start = checkedSum(dataStart, head.offset), let end = checkedSum(start, byteCount),
            end <= file.size
        else {
            throw refuse(
                "\(byteCount) bytes at offset \(head.offset)", "an end within the file of \(file.size) bytes")
        }
        return Entry(
            name: head.name, type: head.type, shape: head.shape, offset: start, byteCount: byteCount)
    }

    private static func checkDisjoint(_ file: CheckpointFile, _ entries: [Entry]) throws(CheckpointError) {
        var names: Set<String> = []
        for entry in entries where !names.insert(entry.name).inserted {
            throw .duplicateTensor(tensor: entry.name, path: file.path, secondPath: file.path)
        }
        var end = 0
        for entry in entries.sorted(by: { $0.offset < $1.offset }) {
            if entry.offset < end {
                throw .badTensorExtent(
                    path: file.path, tensor: entry.name, found: "data starts at byte \(entry.offset)",
                    need: "byte \(end) or later, the end of the tensor before it")
            }
            end = entry.offset + entry.byteCount
        }
    }
}

extension GGUFFile {
    /// GGML's type numbers that can be read.
    static let weightTypes: [UInt32: WeightType] = [
        0: .f32, 1: .f16, 2: .q4_0, 3: .q4_1, 6: .q5_0, 7: .q5_1, 8: .q8_0, 12: .q4K, 13: .q5K, 14: .q6K, 30: .bf16,
    ]

    /// Names of the others, for messages.
    static func typeName(_ type: UInt32) -> String {
        let names: [UInt32: String] = [
            9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
            20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64",
            28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
        ]
        return weightTypes[type]?.rawValue ?? names[type] ?? "number \(type)"
    }
}
