import Glibc

/// The result of a command. Nothing else goes there, so that a script can read it.
enum StandardOutput {
    /// Writes at once: a reader sees each token when it comes.
    static func write(_ text: String) throws(Failure) {
        try write(Array(text.utf8))
    }

    static func write(_ bytes: [UInt8]) throws(Failure) {
        var start = 0
        while start < bytes.count {
            let count = writeOnce(bytes, from: start)
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                if code == EAGAIN {
                    waitForRoom()
                    continue
                }
                throw Failure(.inputOutput, "stdout: cannot write: \(systemMessage(code))")
            }
            start += count
        }
    }

    /// A reader that shares the pipe or the terminal may have made it one that does not block.
    private static func waitForRoom() {
        var stream = pollfd(fd: 1, events: Int16(POLLOUT), revents: 0)
        // Whatever comes of it, the next write tells.
        _ = unsafe poll(&stream, 1, -1)
    }

    @inline(never)
    private static func writeOnce(_ bytes: [UInt8], from start: Int) -> Int {
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe Glibc.write(1, buffer.baseAddress.map { unsafe $0 + start }, buffer.count - start)
        }
    }
}

/// Everything that a person reads beside the result.
enum StandardError {
    static var isTerminal: Bool { isatty(2) == 1 }

    /// Whether it is the stream to systemd's journal that $JOURNAL_STREAM names by device and inode: processes inherit
    /// the variable, but their stderr may be another file.
    static func isJournal(_ stream: String?) -> Bool {
        var status = stat()
        guard let stream, unsafe fstat(2, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }

    /// A failure to write here is nobody's to be told.
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
    }
}

enum StandardInput {
    /// All bytes up to the end of the input.
    static func read() throws(Failure) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let some = try readSome()
            if some.isEmpty { return all }
            all += some
        }
    }

    static var isTerminal: Bool { isatty(0) == 1 }

    /// What is there, at least one byte; waits for it. Empty at the end of the input.
    static func readSome() throws(Failure) -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(0, $0.baseAddress, $0.count) }
            if count >= 0 { return Array(chunk[..<count]) }
            if errno == EINTR { continue }
            throw Failure(.inputOutput, "stdin: cannot read: \(systemMessage(errno))")
        }
    }
}

/// The system's words for an errno.
func systemMessage(_ code: Int32) -> String {
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
}
