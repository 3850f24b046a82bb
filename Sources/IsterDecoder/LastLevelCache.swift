extension Machine {
    /// Bytes of the last-level caches of the processors that this process may use, each cache once. 0 where the kernel
    /// does not say.
    public static var lastLevelCacheBytes: Int { lastLevelCacheBytes(of: allowedProcessors) }

    static func lastLevelCacheBytes(of processors: [Int], root: String = "/sys/devices/system/cpu") -> Int {
        let caches = processors.compactMap { LastLevelCache(processor: $0, root: root) }
        // What shares a cache is told in the same words to all who do.
        return Dictionary(caches.map { ($0.sharers, $0.bytes) }) { first, _ in first }.values.reduce(0, +)
    }
}

/// The cache of the highest level that a processor sees.
private struct LastLevelCache {
    let sharers: String
    let bytes: Int

    init?(processor: Int, root: String) {
        let folders = (0..<8).map { "\(root)/cpu\(processor)/cache/index\($0)" }
        let caches = folders.compactMap { folder -> (level: Int, folder: String)? in
            Self.line("\(folder)/level").flatMap(Int.init).map { ($0, folder) }
        }
        guard let last = caches.max(by: { $0.level < $1.level }), let size = Self.line("\(last.folder)/size"),
            let bytes = Self.bytes(size)
        else { return nil }
        sharers = Self.line("\(last.folder)/shared_cpu_list") ?? "\(processor)"
        self.bytes = bytes
    }

    private static func line(_ path: String) -> String? {
        TextFile.read(path)?.split(separator: "\n").first.map(String.init)
    }

    /// The kernel writes KiB: "32768K".
    private static func bytes(_ size: String) -> Int? {
        guard size.last == "K", let count = Int(size.dropLast()), (0...1 << 40).contains(count) else { return nil }
        return count << 10
    }
}
