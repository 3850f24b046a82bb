internal import CIsterKernels
internal import Glibc

/// An open descriptor; closed when the last reference goes.
/// Sendable: all fields are constant, and positioned reads and writes share no file position.
package final class OpenFile: Sendable {
    /// As messages name it.
    let path: String
    let descriptor: Int32
    /// Size that a file being written will have, for messages.
    private let plannedBytes: Int

    init(path: String, descriptor: Int32, plannedBytes: Int = 0) {
        self.path = path
        self.descriptor = descriptor
        self.plannedBytes = plannedBytes
    }

    deinit { close(descriptor) }

    /// A regular file for reading. A pipe or device is refused without blocking.
    static func reading(_ path: String) throws(ModelFileError) -> OpenFile {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        if descriptor < 0 { throw .missing(path: path, reason: systemReason(errno)) }
        let file = OpenFile(path: path, descriptor: descriptor)
        if try file.status().st_mode & S_IFMT != S_IFREG {
            throw .missing(path: path, reason: "not a regular file")
        }
        return file
    }

    func status() throws(ModelFileError) -> stat {
        var status = stat()
        if unsafe fstat(descriptor, &status) != 0 {
            throw .inputOutput(path: path, operation: "fstat", reason: systemReason(errno))
        }
        return status
    }

    /// Whether the file system keeps its files in memory.
    var isInMemory: Bool { ister_file_is_in_memory(descriptor) }

    /// Fills `buffer` from `offset`. A file that ends before is an error, never zeros.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ModelFileError) {
        var done = 0
        while done < buffer.count {
            let count = unsafe pread(
                descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done, off_t(offset + done))
            if count > 0 {
                done += count
            } else if count == 0 {
                throw .badData(path: path, .wrongFileLength(found: offset + done, needed: offset + buffer.count))
            } else if errno != EINTR {
                throw .inputOutput(path: path, operation: "read", reason: systemReason(errno))
            }
        }
    }

    /// `count` bytes; the caller has bounded it.
    func read(at offset: Int, count: Int) throws(ModelFileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var failure: ModelFileError?
        unsafe bytes.withUnsafeMutableBytes { buffer in
            do throws(ModelFileError) { unsafe try read(at: offset, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    func write(_ bytes: RawSpan, at offset: Int) throws(ModelFileError) {
        var failure: ModelFileError?
        unsafe bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count, failure == nil {
                let count = unsafe pwrite(
                    descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done,
                    off_t(offset + done))
                if count > 0 {
                    done += count
                } else if count == 0 || errno != EINTR {
                    failure = writeFailure("write", count == 0 ? EIO : errno)
                }
            }
        }
        if let failure { throw failure }
    }

    package func write(_ bytes: [UInt8], at offset: Int) throws(ModelFileError) {
        unsafe try write(bytes.span.bytes, at: offset)
    }

    /// Data and length reach the disk. A failure is final: the kernel may have dropped the pages, so it is never tried
    /// again on the same file.
    package func synchronize() throws(ModelFileError) {
        if fsync(descriptor) != 0 { throw writeFailure("fsync", errno) }
    }

    func setLength(_ length: Int) throws(ModelFileError) {
        if ftruncate(descriptor, off_t(length)) != 0 { throw writeFailure("ftruncate", errno) }
    }

    private func writeFailure(_ operation: String, _ code: Int32) -> ModelFileError {
        switch code {
        case ENOSPC, EDQUOT, EFBIG: .outOfSpace(path: path, needed: plannedBytes, available: nil)
        default: .inputOutput(path: path, operation: operation, reason: systemReason(code))
        }
    }
}

/// Text of an `errno` value.
func systemReason(_ code: Int32) -> String {
    unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
}
