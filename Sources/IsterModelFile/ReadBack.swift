internal import Glibc
internal import Synchronization

/// Proves that a file on disk holds what was handed to the writer, and computes the tensors' checksums on the way.
struct ReadBack: Sendable {
    let file: OpenFile
    let header: ModelHeader
    /// What was written, per tensor, in any order.
    let parts: [[ModelFileWriter.Part]]

    /// SHA-256 of every tensor in header order, as hex.
    func tensorDigests(threads: Int) throws(ModelFileError) -> [String] {
        // Synced pages are dropped from memory here, so that the disk answers and not the page cache.
        _ = posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
        let results = Results(count: header.tensors.count)
        try ParallelWork.run(items: header.tensors.count, threads: threads) { index throws(ModelFileError) in
            results.set(index, try digest(tensor: index))
        }
        return results.all()
    }

    private func digest(tensor index: Int) throws(ModelFileError) -> String {
        let entry = header.tensors[index]
        let sorted = parts[index].sorted { $0.offset < $1.offset }
        try requireComplete(entry, sorted)
        let reader = BlobReader(file: file)
        var whole = Digest256()
        for part in sorted {
            var digest = Digest256()
            try reader.stream(from: entry.offset + part.offset, length: part.length) { bytes in
                digest.update(bytes)
                whole.update(bytes)
            }
            if digest.bytes() != part.digest {
                throw .inputOutput(
                    path: file.path, operation: "reading back",
                    reason: "tensor \"\(entry.name)\" differs from what was written at byte \(part.offset)")
            }
        }
        return whole.hex()
    }

    /// The parts must tile the tensor.
    private func requireComplete(
        _ entry: ModelHeader.TensorEntry, _ sorted: [ModelFileWriter.Part]
    ) throws(ModelFileError) {
        var end = 0
        for part in sorted where part.length > 0 {
            guard part.offset == end else {
                throw .badDraft(.tensorIncomplete(name: entry.name, offset: min(part.offset, end)))
            }
            end += part.length
        }
        guard end == entry.length else { throw .badDraft(.tensorIncomplete(name: entry.name, offset: end)) }
    }

    private final class Results: Sendable {
        private let digests: Mutex<[String]>

        init(count: Int) { digests = Mutex(Array(repeating: Digest256.unknown, count: count)) }

        func set(_ index: Int, _ digest: String) { digests.withLock { $0[index] = digest } }

        func all() -> [String] { digests.withLock { $0 } }
    }
}
