extension ModelFile {
    /// Bytes checked so far.
    public struct VerifyProgress: Equatable, Sendable {
        public var bytesDone: Int
        public var bytesTotal: Int
    }

    /// Reads all blobs and checks their checksums, that scales and floats are finite, and the padding after each.
    /// Throws the first blob in file order that differs, with both checksums. Reads instead of using the map, so that a
    /// failing disk gives an error.
    public func verify(
        threads: Int, progress: (VerifyProgress) -> Void = { _ in }
    ) throws(ModelFileError) {
        let reader = BlobReader(file: file)
        let blobs = header.blobs
        let ends = blobs.dropFirst().map(\.offset) + [fileBytes]
        func report(_ done: Int) {
            progress(VerifyProgress(bytesDone: done == 0 ? 0 : ends[done - 1], bytesTotal: fileBytes))
        }
        let path = path
        // A checksum has one order, so the largest blob is one thread's work to its end.
        try ParallelWork.run(items: blobs.count, threads: threads, progress: report) { index throws(ModelFileError) in
            let blob = blobs[index]
            let (found, notFinite) = try reader.examine(blob)
            if found != blob.sha256 {
                throw .badData(
                    path: path, .blobDamaged(name: blob.name, found: found, expected: blob.sha256))
            }
            if let rows = notFinite { throw .badData(path: path, .notFinite(name: blob.name, rows: rows)) }
            try reader.requireZeros(from: blob.offset + blob.length, to: ends[index])
        }
    }
}

extension ModelHeader {
    struct NamedBlob: Sendable {
        var name: String
        var offset: Int
        var length: Int
        var sha256: String
        /// nil for the tokenizer.
        var values: BlobValues?
    }

    /// All blobs in file order.
    var blobs: [NamedBlob] {
        [
            NamedBlob(
                name: "tokenizer", offset: tokenizer.offset, length: tokenizer.length, sha256: tokenizer.sha256)
        ]
            + tensors.map {
                NamedBlob(
                    name: $0.name, offset: $0.offset, length: $0.length, sha256: $0.sha256, values: BlobValues($0))
            }
    }
}

/// Streams parts of a file through a buffer of 1 MiB.
struct BlobReader: Sendable {
    static let bufferBytes = 1 << 20
    /// What is brought into memory at once: whole large pages.
    private static let loadBytes = 16 << 20
    let file: OpenFile

    func digest(from offset: Int, length: Int) throws(ModelFileError) -> String {
        var digest = Digest256()
        try stream(from: offset, length: length) { bytes in digest.update(bytes) }
        return digest.hex()
    }

    /// The checksum of a blob, and the first rows with a number that is not finite.
    func examine(_ blob: ModelHeader.NamedBlob) throws(ModelFileError) -> (digest: String, notFinite: Range<Int>?) {
        guard let values = blob.values else { return (try digest(from: blob.offset, length: blob.length), nil) }
        var digest = Digest256()
        var panel = 0
        var bad: Int?
        // Whole panels, at least one.
        let step = max(Self.bufferBytes / values.panelBytes, 1) * values.panelBytes
        try stream(from: blob.offset, length: blob.length, bufferBytes: step) { bytes in
            digest.update(bytes)
            let count = bytes.byteCount / values.panelBytes
            if bad == nil { bad = (0..<count).first { !values.isFinite(bytes, panel: $0) }.map { $0 + panel } }
            panel += count
        }
        return (digest.hex(), bad.map { values.rows(panel: $0) })
    }

    func requireZeros(from start: Int, to end: Int) throws(ModelFileError) {
        let bytes = try file.read(at: start, count: end - start)
        if let index = bytes.firstIndex(where: { $0 != 0 }) {
            throw .badData(path: file.path, .paddingNotZero(offset: start + index))
        }
    }

    func stream(
        from offset: Int, length: Int, bufferBytes: Int = Self.bufferBytes, _ body: (RawSpan) -> Void
    ) throws(ModelFileError) {
        var buffer = [UInt8](repeating: 0, count: min(bufferBytes, length))
        var done = 0
        var loaded = 0
        while done < length {
            if done >= loaded {
                loaded = min(done + Self.loadBytes, length)
                file.load(from: offset + done, count: loaded - done)
            }
            let count = min(buffer.count, length - done)
            try fill(&buffer, count: count, at: offset + done)
            unsafe body(buffer.span.extracting(first: count).bytes)
            done += count
        }
    }

    private func fill(_ buffer: inout [UInt8], count: Int, at offset: Int) throws(ModelFileError) {
        var failure: ModelFileError?
        unsafe buffer.withUnsafeMutableBytes { bytes in
            do throws(ModelFileError) {
                unsafe try file.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]))
            } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
