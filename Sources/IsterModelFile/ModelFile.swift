internal import Glibc

/// A model file, opened and mapped. Opening proves everything that is cheap: lengths, places, shapes, formats, ranges.
/// The blobs' checksums are left to `verify`.
public struct ModelFile: Sendable {
    public let path: String
    public let header: ModelHeader
    /// Bytes of the whole file.
    public let fileBytes: Int
    let file: OpenFile
    private let mapping: MappedFile
    private let indexes: [String: Int]

    /// Refuses a file that this version does not understand to the last key.
    public static func open(path: String) throws(ModelFileError) -> ModelFile {
        let file = try OpenFile.reading(path)
        let length = Int(try file.status().st_size)
        if length < Preamble.length {
            throw .badData(path: path, .wrongFileLength(found: length, needed: Preamble.length))
        }
        let preambleBytes = try file.read(at: 0, count: Preamble.length)
        let preamble: Preamble
        do throws(ModelFileDefect) {
            preamble = try Preamble.decode(preambleBytes)
            if length != preamble.fileLength {
                throw .wrongFileLength(found: length, needed: preamble.fileLength)
            }
            let end = Preamble.length + preamble.headerLength
            if length < end { throw .wrongFileLength(found: length, needed: end) }
        } catch {
            throw .badData(path: path, error)
        }
        let headerBytes = try file.read(at: Preamble.length, count: preamble.headerLength)
        let header: ModelHeader
        do throws(ModelFileDefect) {
            header = try decodeHeader(headerBytes, preamble)
        } catch {
            throw .badData(path: path, error)
        }
        try BlobReader(file: file).requireZeros(
            from: Preamble.length + preamble.headerLength, to: header.tokenizer.offset)
        return ModelFile(
            path: path, header: header, fileBytes: length, file: file, mapping: try MappedFile(file, length: length),
            indexes: Dictionary(header.tensors.enumerated().map { ($1.name, $0) }) { first, _ in first })
    }

    private static func decodeHeader(_ bytes: [UInt8], _ preamble: Preamble) throws(ModelFileDefect) -> ModelHeader {
        let digest = Digest256.of(bytes)
        if digest != preamble.headerDigest {
            throw .headerDamaged(found: Digest256.hex(digest), expected: Digest256.hex(preamble.headerDigest))
        }
        let header = try HeaderCoding.decode(bytes)
        try header.validate(headerLength: preamble.headerLength, fileLength: preamble.fileLength)
        return header
    }

    /// nil when the shape has no such tensor.
    public func tensor(named name: String) -> TensorView? {
        guard let index = indexes[name] else { return nil }
        let entry = header.tensors[index]
        guard let format = WeightFormat(rawValue: entry.format) else { return nil }
        return unsafe TensorView(
            format: format, rows: entry.rows, columns: entry.columns, pointer: mapping.base + entry.offset,
            length: entry.length, mapping: mapping)
    }

    /// The tokenizer's tables, copied out.
    public var tokenizerBytes: [UInt8] {
        let start = unsafe mapping.base + header.tokenizer.offset
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: header.tokenizer.length))
    }

    public var bitsPerWeight: Double { header.bitsPerWeight }

    public var parameterCount: Int { header.parameterCount }

    /// From now on a file that shrinks while it is in use, or a disk that fails, does not end the process: reads get
    /// zeros and `isDamaged` becomes true before any of them is seen. Overwriting in place goes unnoticed; `verify`
    /// finds it.
    public func guardMapping() throws(ModelFileError) {
        guard mapping.guardPages() else {
            throw .cannotMap(path: path, bytes: fileBytes, reason: "its pages cannot be guarded")
        }
    }

    /// Some bytes of the mapping are not the file's any more. Any thread; costs one system call, since the kernel gives
    /// zeros without a signal for what is cut off inside the file's last page.
    public var isDamaged: Bool {
        guard !mapping.isDamaged else { return true }
        // A file system that cannot tell the length may still give the pages; if not, a signal comes.
        guard let length = try? file.status().st_size else { return false }
        return length < fileBytes
    }

    /// Bytes of the file that the page cache can drop, and that count as available memory therefore: all of it, but
    /// none where the file system itself lies in memory.
    public var droppableBytes: Int { file.isInMemory ? 0 : fileBytes }

    /// Reads all pages into memory, large ones where the file system has such.
    public func populate(threads: Int) { mapping.populate(file, threads: threads) }

    /// Gives the mapped pages back to the page cache; they come again when they are read.
    public func unmapPages() { mapping.unmapPages() }

    /// The part of the file that is mapped in pages of 2 MiB.
    public var hugePageFraction: Double { Double(mapping.hugePageBytes) / Double(fileBytes) }
}

/// One tensor in the mapped file. It keeps the mapping alive.
/// Sendable: read-only memory that lives as long as `mapping`.
@safe public struct TensorView: @unchecked Sendable {
    public let format: WeightFormat
    /// Without padding.
    public let rows: Int
    /// Without padding.
    public let columns: Int
    /// On a 4096 byte boundary; valid while this view or its file lives.
    public let pointer: UnsafeRawPointer
    /// Bytes, padding included.
    public let length: Int
    private let mapping: MappedFile

    init(
        format: WeightFormat, rows: Int, columns: Int, pointer: UnsafeRawPointer, length: Int, mapping: MappedFile
    ) {
        self.format = format
        self.rows = rows
        self.columns = columns
        unsafe self.pointer = pointer
        self.length = length
        self.mapping = mapping
    }
}
