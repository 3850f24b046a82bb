/// Why a model file was not opened, verified or written. The outer case says whose fault it is, so that a command line
/// can map it to an exit code.
public enum ModelFileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file does not exist, is not a regular file or may not be read.
    case missing(path: String, reason: String)
    /// The file's contents are refused.
    case badData(path: String, ModelFileDefect)
    /// What was to be written is refused: it would make a file that the reader refuses.
    case badDraft(ModelFileDefect)
    /// The output's folder or name does not allow a new file.
    case cannotCreate(path: String, reason: String)
    /// The output exists and replacing was not asked for.
    case outputExists(path: String)
    /// The output is the same file as an input; nothing was touched.
    case outputIsInput(path: String, input: String)
    /// The disk, a quota or a size limit is full. Bytes; `available` is nil when the system does not say.
    case outOfSpace(path: String, needed: Int, available: Int?)
    /// The system failed to read, write, sync or rename.
    case inputOutput(path: String, operation: String, reason: String)
    /// The system refused to map the file.
    case cannotMap(path: String, bytes: Int, reason: String)

    public var description: String {
        switch self {
        case .missing(let path, let reason): "\(path): \(reason)"
        case .badData(let path, let defect): "\(path): \(defect)"
        case .badDraft(let defect): "refused to write: \(defect)"
        case .cannotCreate(let path, let reason): "\(path): cannot create: \(reason)"
        case .outputExists(let path): "\(path): exists already; replacing it must be asked for"
        case .outputIsInput(let path, let input): "\(path): the output is the input \(input)"
        case .outOfSpace(let path, let needed, let available):
            "\(path): no space: \(needed) bytes needed, \(available.map(String.init) ?? "unknown") available"
        case .inputOutput(let path, let operation, let reason): "\(path): \(operation) failed: \(reason)"
        case .cannotMap(let path, let bytes, let reason): "\(path): cannot map \(bytes) bytes: \(reason)"
        }
    }
}

/// One way in which the contents of a model file can be wrong: what, what was found, what was needed.
public enum ModelFileDefect: Error, Equatable, Sendable, CustomStringConvertible {
    case notAModelFile
    case unsupportedVersion(found: UInt32, needed: UInt32)
    /// The preamble's own checksum or one of its fixed fields is wrong.
    case preambleDamaged(String)
    /// The file's size on disk is not the size that it states.
    case wrongFileLength(found: Int, needed: Int)
    case headerTooLong(found: UInt64, limit: Int)
    case headerDamaged(found: String, expected: String)
    /// The header is not the JSON that this version writes.
    case headerMalformed(String)
    case unknownHeaderKey(String)
    case packingUnknown(String)
    /// A number outside what this version can run.
    case valueOutOfRange(field: String, found: String, needed: String)
    case tensorCount(found: Int, needed: Int)
    /// The tensors stand in one order; this one is not the one that the shape asks for at its place.
    case unexpectedTensor(index: Int, found: String, needed: String)
    case tensorShape(name: String, found: [Int], needed: [Int])
    case tensorFormat(name: String, found: String, needed: String)
    /// A blob's length differs from what its shape and format give.
    case blobLength(name: String, found: Int, needed: Int)
    /// Blobs follow each other on 4096 byte boundaries without gaps or overlaps.
    case blobOffset(name: String, found: Int, needed: Int)
    case digestMalformed(name: String, found: String)
    case blobDamaged(name: String, found: String, expected: String)
    /// A tensor's numbers are what was written, but a scale or value of these rows is infinite or no number.
    case notFinite(name: String, rows: Range<Int>)
    /// Bytes between the parts of a file are zero.
    case paddingNotZero(offset: Int)
    /// A writer was finished before all bytes of a tensor were written exactly once.
    case tensorIncomplete(name: String, offset: Int)

    public var description: String {
        switch self {
        case .notAModelFile: "not an Ister model file: the first 8 bytes are wrong"
        case .unsupportedVersion(let found, let needed): "format version \(found); this reader knows \(needed)"
        case .preambleDamaged(let what): "the preamble is damaged: \(what)"
        case .wrongFileLength(let found, let needed): "\(found) bytes long, must be \(needed)"
        case .headerTooLong(let found, let limit): "header of \(found) bytes; the limit is \(limit)"
        case .headerDamaged(let found, let expected): "header checksum is \(found), must be \(expected)"
        case .headerMalformed(let what): "header: \(what)"
        case .unknownHeaderKey(let key): "header: unknown or repeated key \"\(key)\""
        case .packingUnknown(let found): "unknown packing variant \(found)"
        case .valueOutOfRange(let field, let found, let needed): "\(field) is \(found), must be \(needed)"
        case .tensorCount(let found, let needed): "\(found) tensors; the shape needs \(needed)"
        case .unexpectedTensor(let index, let found, let needed):
            "tensor \(index) is \"\(found)\", must be \"\(needed)\""
        case .tensorShape(let name, let found, let needed): "tensor \"\(name)\": shape \(found), must be \(needed)"
        case .tensorFormat(let name, let found, let needed):
            "tensor \"\(name)\": format \"\(found)\", must be \(needed)"
        case .blobLength(let name, let found, let needed): "\"\(name)\": \(found) bytes, must be \(needed)"
        case .blobOffset(let name, let found, let needed): "\"\(name)\": offset \(found), must be \(needed)"
        case .digestMalformed(let name, let found): "\"\(name)\": \"\(found)\" is not 64 lower-case hex digits"
        case .blobDamaged(let name, let found, let expected): "\"\(name)\": checksum is \(found), must be \(expected)"
        case .notFinite(let name, let rows):
            "\"\(name)\": a scale or value in rows \(rows.lowerBound) to \(rows.upperBound - 1) is not finite"
        case .paddingNotZero(let offset): "padding at offset \(offset) is not zero"
        case .tensorIncomplete(let name, let offset): "tensor \"\(name)\": not written exactly once at byte \(offset)"
        }
    }
}
