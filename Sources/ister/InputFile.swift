import Glibc

/// A whole file of moderate size.
enum InputFile {
    /// The largest tokenizer files are a tenth of this.
    private static let limit = 256 << 20

    /// Text in UTF-8.
    static func readText(_ path: String) throws(Failure) -> [UInt8] {
        let bytes = try read(path)
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw Failure(.badData, "\(path): no text in UTF-8: byte \(error.byteOffsets.lowerBound) fits no character")
        }
        return bytes
    }

    /// Refuses what is no regular file, so that a pipe or a device cannot hang the command.
    static func read(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Failure(.inputMissing, "\(path): \(systemMessage(errno))") }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.inputMissing, "\(path): not a regular file")
        }
        guard let size = Int(exactly: status.st_size), size <= limit else {
            throw Failure(.badData, "\(path): \(status.st_size) bytes; at most \(limit) are read")
        }
        var bytes = [UInt8](repeating: 0, count: size)
        var filled = 0
        while filled < size {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress.map { unsafe $0 + filled }, size - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw Failure(.inputOutput, "\(path): cannot read at byte \(filled): \(systemMessage(errno))")
            }
            filled += count
        }
        return bytes
    }
}
