import Glibc

/// Gives back to the system what requests needed for a while. glibc keeps freed blocks in an arena for each thread, and
/// once a large block was freed, blocks of that size, too: a few bodies of 8 MiB left 40 MiB behind.
enum ServeMemory {
    /// Blocks of this size and more are mapped by themselves and end with their use. Larger than what a token needs
    /// (the candidates of 200,000 logits take 3 MB), since each page of a new mapping costs a fault.
    private static let mappedBytes: Int32 = 4 << 20
    /// Decides, asked once a second, when to look through all arenas: memory has grown since the last time, and nothing
    /// runs or has not for long.
    struct Rhythm {
        static let growthBytes = 1 << 20
        static let busySeconds = 30

        private var least: Int
        private var grownSeconds = 0

        init(residentBytes: Int) { least = residentBytes }

        mutating func isDue(residentBytes: Int, isIdle: Bool) -> Bool {
            least = min(least, residentBytes)
            grownSeconds = residentBytes > least + Self.growthBytes ? grownSeconds + 1 : 0
            return grownSeconds > 0 && isIdle || grownSeconds >= Self.busySeconds
        }

        mutating func trimmed(residentBytes: Int) { self = Rhythm(residentBytes: residentBytes) }
    }

    /// To be called before other threads allocate. Does nothing where the C library is not glibc.
    static func limitKeptBlocks() {
        typealias Option = @convention(c) (Int32, Int32) -> Int32
        guard let symbol = unsafe dlsym(nil, "mallopt") else { return }
        let option = unsafe unsafeBitCast(symbol, to: Option.self)
        // M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of malloc.h.
        _ = option(-3, mappedBytes)
        _ = option(-1, mappedBytes)
    }

    /// Whole free pages of all arenas go back to the system.
    static func trim() {
        typealias Trim = @convention(c) (Int) -> Int32
        guard let symbol = unsafe dlsym(nil, "malloc_trim") else { return }
        _ = unsafe unsafeBitCast(symbol, to: Trim.self)(0)
    }

    /// Trims from time to time, until the task is cancelled.
    static func keepTrimmed(isIdle: @Sendable () -> Bool) async {
        guard let start = residentBytes else { return }
        var rhythm = Rhythm(residentBytes: start)
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            guard let resident = residentBytes, rhythm.isDue(residentBytes: resident, isIdle: isIdle()) else {
                continue
            }
            trim()
            rhythm.trimmed(residentBytes: residentBytes ?? resident)
        }
    }

    /// nil where the system does not tell.
    static var residentBytes: Int? {
        let fields = text("/proc/self/statm")?.split(separator: " ") ?? []
        return fields.count > 1 ? Int(fields[1]).map { $0 * sysconf(Int32(_SC_PAGESIZE)) } : nil
    }

    /// What is kept from being swapped out; nil where the system does not tell.
    static var lockedBytes: Int? {
        guard let line = text("/proc/self/status")?.split(separator: "\n").first(where: { $0.hasPrefix("VmLck:") }),
            let count = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return count << 10
    }

    private static func text(_ path: String) -> String? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        let count = unsafe read(file, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}
