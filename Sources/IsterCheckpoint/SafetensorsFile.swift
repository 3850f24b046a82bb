/// One safetensors file: 8 bytes header length, a JSON header, data. Source: the format section of the safetensors
/// README. The header is proved sound before anything is read: tensors follow each other without overlap or gap and
/// end with the file.
struct SafetensorsFile {
    struct Entry {
        let name: String
        /// As spelled in the file; only some are weights that can be read.
        let type: String
        let shape: [Int]
        /// First byte in the file.
        let offset: Int
        let byteCount: Int
    }

    let file: CheckpointFile
    /// In the order of their data.
    let entries: [Entry]

    /// The limit of the reference reader.
    static let headerLimit = 100_000_000

    init(_ file: CheckpointFile) throws(CheckpointError) {
        self.file = file
        let headerBytes = try Self.headerLength(file)
        let text = try file.bytes(at: 8, count: headerBytes)
        let header: JSONValue
        do throws(JSONError) { header = try JSONValue.parse(text, depthLimit: 8) } catch {
            throw .json(path: file.path, error)
        }
        guard case .object(let object) = header else {
            throw .malformed(path: file.path, what: "the header", found: header.kind, need: "an object")
        }
        var entries: [Entry] = []
        entries.reserveCapacity(object.entries.count)
        for member in object.entries where member.key != Array("__metadata__".utf8) {
            entries.append(try Self.entry(file, member, dataStart: 8 + headerBytes))
        }
        entries.sort { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }
        try Self.checkContiguous(file, entries, dataStart: 8 + headerBytes)
        self.entries = entries
    }

    private static func headerLength(_ file: CheckpointFile) throws(CheckpointError) -> Int {
        if file.size < 8 {
            throw .truncated(path: file.path, what: "the header length", needBytes: 8, foundBytes: file.size)
        }
        let length = try file.bytes(at: 0, count: 8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        if length > UInt64(headerLimit) {
            throw .malformed(
                path: file.path, what: "the header length", found: "\(length)", need: "at most \(headerLimit) bytes")
        }
        if Int(length) > file.size - 8 {
            throw .truncated(
                path: file.path, what: "the header", needBytes: Int(length), foundBytes: file.size - 8)
        }
        return Int(length)
    }

    private static func entry(
        _ file: CheckpointFile, _ member: JSONObject.Entry, dataStart: Int
    ) throws(CheckpointError) -> Entry {
        let name = String(decoding: member.key, as: UTF8.self)
        func refuse(_ found: String, _ need: String) -> CheckpointError {
            .badTensorExtent(path: file.path, tensor: name, found: found, need: need)
        }
        // Swift compares strings by canonical equivalence; among ASCII names that is byte for byte.
        guard member.key.allSatisfy({ $0 < 0x80 }) else { throw refuse("a name beyond ASCII", "an ASCII name") }
        guard case .object(let fields) = member.value, case .string(let type)? = fields["dtype"] else {
            throw refuse("no dtype", "a header entry with dtype, shape and data_offsets")
        }
        let typeName = String(decoding: type, as: UTF8.self)
        guard let shape = naturalNumbers(fields["shape"]), shape.count <= 8 else {
            throw refuse("a bad shape", "a list of at most 8 counts")
        }
        guard let range = naturalNumbers(fields["data_offsets"]), range.count == 2, range[0] <= range[1] else {
            throw refuse("bad data_offsets", "two ascending offsets")
        }
        guard range[1] <= file.size - dataStart else {
            throw refuse("data to byte \(range[1])", "an end within the \(file.size - dataStart) bytes of data")
        }
        guard let bits = bitsByType[typeName] else { throw refuse("type \(quoted(typeName))", "a known type") }
        guard let need = checkedProduct(shape + [bits]), need % 8 == 0, need / 8 == range[1] - range[0] else {
            throw refuse("\(range[1] - range[0]) bytes", "the size of shape \(shape) in \(typeName)")
        }
        return Entry(
            name: name, type: typeName, shape: shape, offset: dataStart + range[0], byteCount: range[1] - range[0])
    }

    private static func checkContiguous(
        _ file: CheckpointFile, _ entries: [Entry], dataStart: Int
    ) throws(CheckpointError) {
        var end = dataStart
        for entry in entries {
            if entry.offset != end {
                throw .badTensorExtent(
                    path: file.path, tensor: entry.name, found: "data starts at byte \(entry.offset)",
                    need: "byte \(end), the end of the tensor before it")
            }
            end += entry.byteCount
        }
        if end != file.size {
            throw .malformed(
                path: file.path, what: "the end of the last tensor", found: "byte \(end)",
                need: "the file's end at byte \(file.size)")
        }
    }

    private static func naturalNumbers(_ value: JSONValue?) -> [Int]? {
        guard case .array(let values)? = value else { return nil }
        var out: [Int] = []
        for case .integer(let number) in values where number >= 0 { out.append(number) }
        return out.count == values.count ? out : nil
    }

    /// Bits of one element.
    private static let bitsByType: [String: Int] = [
        "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
        "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
        "C64": 64,
    ]
}
