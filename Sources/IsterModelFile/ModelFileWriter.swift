internal import Synchronization

/// Writes one model file. The target appears complete and proven, or not at all: everything goes to a temporary file
/// in the same folder, which is removed when the writer goes without `finish`.
public final class ModelFileWriter: Sendable {
    /// Bytes of the file to be.
    public let fileBytes: Int
    /// Lengths and places are final, checksums are not known yet.
    public let plannedHeader: ModelHeader
    let target: String
    let headerLength: Int
    let temporary: TemporaryFile
    private let replacing: Bool
    /// 32 bytes.
    private let tokenizerDigest: [UInt8]
    private let parts: Mutex<[[Part]]>

    /// A written piece of a tensor and the checksum of what was handed over.
    struct Part: Sendable {
        /// Within the tensor.
        var offset: Int
        var length: Int
        /// SHA-256, 32 bytes.
        var digest: [UInt8]
    }

    /// Checks the draft, the output's name and the free space, and makes the temporary file.
    /// `inputs`: paths that the output must not be.
    public init(
        path: String, draft: ModelFileDraft, replacing: Bool, inputs: [String] = []
    ) throws(ModelFileError) {
        let plan: (header: ModelHeader, headerLength: Int, fileLength: Int)
        do { plan = try draft.planned() } catch { throw .badDraft(error) }
        try OutputCheck.check(path, replacing: replacing, inputs: inputs)
        try OutputCheck.requireSpace(plan.fileLength, for: path)
        target = path
        fileBytes = plan.fileLength
        plannedHeader = plan.header
        headerLength = plan.headerLength
        self.replacing = replacing
        parts = Mutex(Array(repeating: [], count: plan.header.tensors.count))
        tokenizerDigest = Digest256.of(draft.tokenizer)
        temporary = try TemporaryFile(target: path, plannedBytes: plan.fileLength)
        // All padding is a hole, which reads as zeros.
        try temporary.file.setLength(plan.fileLength)
        try temporary.file.write(draft.tokenizer, at: plan.header.tokenizer.offset)
    }

    /// Writes a piece of tensor `index` (in header order) at `offset` within it. Pieces may come in any order and from
    /// any thread; each byte must be written exactly once.
    public func write(tensor index: Int, at offset: Int, _ bytes: RawSpan) throws(ModelFileError) {
        precondition(plannedHeader.tensors.indices.contains(index), "tensor index outside the plan")
        let entry = plannedHeader.tensors[index]
        let (end, overflow) = offset.addingReportingOverflow(bytes.byteCount)
        precondition(offset >= 0 && !overflow && end <= entry.length, "bytes outside tensor \(entry.name)")
        try temporary.file.write(bytes, at: entry.offset + offset)
        let part = Part(offset: offset, length: bytes.byteCount, digest: Digest256.of(bytes))
        parts.withLock { $0[index].append(part) }
    }

    /// Gives up: the temporary file is removed at once. Nothing may be written after.
    public func abandon() { temporary.remove() }

    /// Reads everything back from the disk, proves that it is what was written, writes the header and gives the file
    /// its name. `provenance` and `certificate` replace those of the draft and must not be longer. After an error the
    /// temporary file is gone.
    @discardableResult
    public func finish(
        provenance: Provenance, certificate: ModelHeader.Certificate?, threads: Int = 1
    ) throws(ModelFileError) -> ModelHeader {
        let file = try prove(provenance: provenance, certificate: certificate, threads: threads)
        return try commit(file.header)
    }

    /// The first half of `finish`: a complete file that has no name of its own yet, for measuring it.
    public func prove(
        provenance: Provenance, certificate: ModelHeader.Certificate?, threads: Int = 1
    ) throws(ModelFileError) -> ModelFile {
        try abandoningOnError { () throws(ModelFileError) in
            try temporary.file.synchronize()
            var header = plannedHeader
            header.provenance = provenance
            header.certificate = certificate
            header.tokenizer.sha256 = Digest256.hex(tokenizerDigest)
            let readBack = ReadBack(file: temporary.file, header: plannedHeader, parts: parts.withLock { $0 })
            for (index, digest) in try readBack.tensorDigests(threads: threads).enumerated() {
                header.tensors[index].sha256 = digest
            }
            return try write(header)
        }
    }

    /// The second half: gives the proven file its name. header: as it was proven, or with another certificate.
    @discardableResult
    public func commit(_ header: ModelHeader) throws(ModelFileError) -> ModelHeader {
        try abandoningOnError { () throws(ModelFileError) in
            try write(header)
            try temporary.commit(replacing: replacing)
            return header
        }
    }

    private func abandoningOnError<Value>(
        _ body: () throws(ModelFileError) -> Value
    ) throws(ModelFileError) -> Value {
        do throws(ModelFileError) {
            return try body()
        } catch {
            abandon()
            throw error
        }
    }

    /// Writes the header and opens the file as a reader does.
    @discardableResult
    private func write(_ header: ModelHeader) throws(ModelFileError) -> ModelFile {
        try writeHeader(header)
        try temporary.file.synchronize()
        let reopened = try ModelFile.open(path: temporary.path)
        guard reopened.header == header, Digest256.of(reopened.tokenizerBytes) == tokenizerDigest else {
            throw .badData(path: target, .headerMalformed("header or tokenizer read back differently"))
        }
        return reopened
    }

    private func writeHeader(_ header: ModelHeader) throws(ModelFileError) {
        var bytes: [UInt8]
        do throws(ModelFileDefect) {
            bytes = try HeaderCoding.encode(header)
            if bytes.count > headerLength {
                throw .headerTooLong(found: UInt64(bytes.count), limit: headerLength)
            }
            bytes += [UInt8](repeating: UInt8(ascii: " "), count: headerLength - bytes.count)
        } catch {
            throw .badDraft(error)
        }
        let preamble = Preamble(
            headerLength: headerLength, fileLength: fileBytes, headerDigest: Digest256.of(bytes))
        try temporary.file.write(preamble.encoded() + bytes, at: 0)
    }
}
