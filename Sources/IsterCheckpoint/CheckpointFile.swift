import Glibc

/// One open file, read by position: several threads may read at once, and pages stay the kernel's (a mapping of a
/// 4 GB checkpoint would count as our memory).
///
/// A symbolic link is followed: the Hugging Face cache stores snapshots as links. What must not leave the folder are
/// names taken from a file's content, and those are checked to be plain names.
final class CheckpointFile: Sendable {
    let path: String
    let size: Int
    private let descriptor: Int32
    private let stamp: Stamp

    /// What a write changes.
    private struct Stamp: Equatable, Sendable {
        let size: Int
        let seconds: Int
        let nanoseconds: Int

        init(_ status: stat) {
            size = Int(status.st_size)
            seconds = Int(status.st_mtim.tv_sec)
            nanoseconds = Int(status.st_mtim.tv_nsec)
        }
    }

    /// `need` says what the file is for when it is absent.
    init(path: String, need: String) throws(CheckpointError) {
        // A pipe without a writer would block the open for ever.
        let (descriptor, code) = openReadOnly(path)
        if descriptor < 0 {
            if code == ENOENT || code == ENOTDIR { throw .notFound(path: path, need: need) }
            throw .cannotOpen(path: path, reason: errorText(code))
        }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .notRegularFile(path: path)
        }
        self.path = path
        self.descriptor = descriptor
        size = status.st_size
        stamp = Stamp(status)
    }

    deinit { close(descriptor) }

    /// Refuses a file that somebody wrote to since it was opened.
    func requireUnchanged() throws(CheckpointError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, Stamp(status) == stamp else { throw .changed(path: path) }
    }

    /// Fills `buffer` from `offset` on.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(CheckpointError) {
        var done = 0
        while done < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let (count, code) = unsafe readAt(descriptor, rest, offset + done)
            if count < 0 {
                if code == EINTR { continue }
                throw .readFailed(path: path, offset: offset + done, reason: errorText(code))
            }
            if count == 0 {
                throw .truncated(path: path, what: "data at byte \(offset)", needBytes: buffer.count, foundBytes: done)
            }
            done += count
        }
    }

    /// `count` bytes at `offset`; the caller has checked `count` against the file's size.
    func bytes(at offset: Int, count: Int) throws(CheckpointError) -> [UInt8] {
        var failure: CheckpointError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(CheckpointError) {
                let target = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count])
                try unsafe read(into: target, at: offset)
                initialized = count
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The whole file when it has at most `limit` bytes.
    func contents(limit: Int) throws(CheckpointError) -> [UInt8] {
        if size > limit { throw .fileTooLarge(path: path, bytes: size, limit: limit) }
        return try bytes(at: 0, count: size)
    }
}

// errno is read in the same function as the call, out of line: code between the two could change it.

@inline(never)
private func openReadOnly(_ path: String) -> (descriptor: Int32, code: Int32) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    return (descriptor, errno)
}

@inline(never)
private func readAt(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ offset: Int) -> (Int, Int32) {
    let count = unsafe pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
    return (count, errno)
}

private func errorText(_ code: Int32) -> String {
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
}

/// Whether a path is there and a folder, whether it is there at all. A name that stands there but leads nowhere, such
/// as a link into a cache that was cleared, is not taken for absent.
func pathKind(_ path: String) throws(CheckpointError) -> (exists: Bool, isFolder: Bool) {
    var status = stat()
    let code = followed(path, &status)
    if code == 0 { return (true, status.st_mode & S_IFMT == S_IFDIR) }
    guard code == ENOENT || code == ENOTDIR else { throw .cannotOpen(path: path, reason: errorText(code)) }
    if unsafe lstat(path, &status) == 0 {
        throw .cannotOpen(path: path, reason: "it is a symbolic link to a file that is not there")
    }
    return (false, false)
}

/// 0, or why the path leads nowhere.
@inline(never)
private func followed(_ path: String, _ status: inout stat) -> Int32 {
    unsafe stat(path, &status) == 0 ? 0 : errno
}
