internal import Glibc
internal import IsterModelFile

/// An open file that tells what went wrong by name. Closed with the object.
final class EvaluationFile {
    let path: String
    private let descriptor: Int32

    convenience init(reading path: String) throws(EvaluationError) {
        try self.init(path, O_RDONLY)
    }

    /// Appends to what is there, or starts a new file.
    convenience init(extending path: String) throws(EvaluationError) {
        try self.init(path, O_RDWR | O_CREAT | O_APPEND)
    }

    /// Only regular files: a pipe or a device could hang the run.
    private init(_ path: String, _ flags: Int32) throws(EvaluationError) {
        let descriptor = unsafe open(path, flags | O_CLOEXEC | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else {
            let code = errno
            let reason = Self.message(code)
            if flags & O_CREAT == 0 { throw .missing(path: path, reason: reason) }
            if [ENOSPC, EDQUOT].contains(code) { throw .inputOutput(path: path, reason: reason) }
            throw .output(.cannotCreate(path: path, reason: reason))
        }
        self.path = path
        self.descriptor = descriptor
        guard try status().st_mode & S_IFMT == S_IFREG else {
            throw .missing(path: path, reason: "not a regular file")
        }
    }

    deinit { close(descriptor) }

    private func status() throws(EvaluationError) -> stat {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("cannot stat") }
        return status
    }

    func length() throws(EvaluationError) -> Int { Int(try status().st_size) }

    func read(at offset: Int, count: Int) throws(EvaluationError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(descriptor, buffer.baseAddress.map { unsafe $0 + filled }, count - filled, offset + filled)
            }
            if got < 0, errno == EINTR { continue }
            if got == 0 { throw .inputOutput(path: path, reason: "ends at byte \(offset + filled)") }
            guard got > 0 else { throw failure("cannot read at byte \(offset + filled)") }
            filled += got
        }
        return bytes
    }

    func append(_ bytes: [UInt8]) throws(EvaluationError) {
        var start = 0
        while start < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe write(descriptor, buffer.baseAddress.map { unsafe $0 + start }, buffer.count - start)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot write") }
            start += count
        }
    }

    /// Cuts the file after `length` bytes.
    func truncate(to length: Int) throws(EvaluationError) {
        guard ftruncate(descriptor, length) == 0 else { throw failure("cannot truncate") }
    }

    private func failure(_ what: String) -> EvaluationError {
        .inputOutput(path: path, reason: "\(what): \(Self.message(errno))")
    }

    private static func message(_ code: Int32) -> String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}
