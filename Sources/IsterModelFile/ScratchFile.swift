internal import Glibc

/// A file without a name, for what is too large for memory. However the process ends, nothing of it is left.
public final class ScratchFile {
    private let file: OpenFile

    /// In the folder of `path`. plannedBytes: for messages.
    public init(beside path: String, plannedBytes: Int) throws(ModelFileError) {
        let name = "\(path).scratch-\(getpid())"
        let descriptor = unsafe Glibc.open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw .cannotCreate(path: name, reason: systemReason(errno)) }
        unsafe unlink(name)
        file = OpenFile(path: name, descriptor: descriptor, plannedBytes: plannedBytes)
    }

    /// index: of the first value, counted in floats.
    public func write(_ values: [Float], at index: Int) throws(ModelFileError) {
        unsafe try file.write(values.span.bytes, at: index * MemoryLayout<Float>.size)
    }

    public func read(count: Int, at index: Int) throws(ModelFileError) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        var failure: ModelFileError?
        unsafe values.withUnsafeMutableBytes { buffer in
            do throws(ModelFileError) {
                unsafe try file.read(at: index * MemoryLayout<Float>.size, into: buffer)
            } catch { failure = error }
        }
        if let failure { throw failure }
        return values
    }
}
