extension ModelFile {
    /// Bytes checked so far.
    public struct VerifyProgress: Equatable, Sendable {
        public var bytesDone: Int
        public var bytesTotal: Int
    }

    /// Reads all blobs and checks their checksums and the padding after each. Throws the first blob in file order that
    /// differs, with both checksums. Reads instead of using the map, so that a failing disk gives an error.
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
            let found = try reader.digest(from: blob.offset, length: blob.length)
            if found != blob.sha256 {
                throw .badData(
                    path: path, .blobDamaged(name: blob.name, found: found, expected: blob.sha256))
            }
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
    }

    /// All blobs in file order.
    var blobs: [NamedBlob] {
        [
            NamedBlob(
                name: "tokenizer", offset: tokenizer.offset, length: tokenizer.length, sha256: tokenizer.sha256)
        ] + tensors.map { NamedBlob(name: $0.name, offset: $0.offset, length: $0.length, sha256: $0.sha256) }
    }
}

/// Streams parts of a file through a buffer of 1 MiB.
struct BlobReader: Sendable {
    static let bufferBytes = 1 << 20
    let file: OpenFile

    func digest(from offset: Int, length: Int) throws(ModelFileError) -> String {
        var digest = Digest256()
        try stream(from: offset, length: length) { bytes in digest.update(bytes) }
        return digest.hex()
    }

    func requireZeros(from start: Int, to end: Int) throws(ModelFileError) {
        let bytes = try file.read(at: start, count: end - start)
        if let index = bytes.firstIndex(where: { $0 != 0 }) {
            throw .badData(path: file.path, .paddingNotZero(offset: start + index))
        }
    }

    func stream(from offset: Int, length: Int, _ body: (RawSpan) -> Void) throws(ModelFileError) {
        var buffer = [UInt8](repeating: 0, count: min(Self.bufferBytes, length))
        var done = 0
        while done < length {
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
