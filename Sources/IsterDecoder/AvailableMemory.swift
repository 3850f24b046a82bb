extension Machine {
    /// Bytes that this process can still take without being killed or swapped out: the least of what the machine and
    /// its control groups have left. Pages of files that could be dropped count as free. nil when nothing tells.
    public static var availableMemory: Int? {
        let groups = ControlGroup.availableMemory()
        let machine = TextFile.read("/proc/meminfo").flatMap(parseAvailable)
        return [groups, machine].compactMap(\.self).min()
    }

    /// The line "MemAvailable: N kB".
    static func parseAvailable(_ text: String) -> Int? {
        let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
    }
}

extension ControlGroup {
    /// Of cgroups v2 and v1, this process's group and all its ancestors.
    static func availableMemory(root: String = "/sys/fs/cgroup", membership: String = "/proc/self/cgroup") -> Int? {
        let lines = TextFile.read(membership)?.split(separator: "\n") ?? []
        let left: [Int] = lines.flatMap { (line: Substring) -> [Int] in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return [] }
            let isUnified = fields[0] == "0"
            guard isUnified || fields[1].split(separator: ",").contains("memory") else { return [] }
            return ancestors(String(fields[2])).compactMap { path -> Int? in
                isUnified
                    ? Self.left(
                        in: root + path, limits: ["memory.max", "memory.high"], used: "memory.current", files: "file",
                        shared: "shmem")
                    : Self.left(
                        in: "\(root)/memory\(path)", limits: ["memory.limit_in_bytes"], used: "memory.usage_in_bytes",
                        files: "total_cache", shared: "total_shmem")
            }
        }
        return left.min()
    }

    /// limits: beyond the lowest the group is killed, or slowed down while its pages are taken away.
    /// files: in memory.stat, the page cache; shared: the part of it that no disk has, as files of a tmpfs, and that
    /// cannot be dropped therefore.
    private static func left(
        in folder: String, limits: [String], used: String, files: String, shared: String
    ) -> Int? {
        func number(_ name: String) -> Int? {
            TextFile.read("\(folder)/\(name)").flatMap { Int($0.prefix { $0.isNumber }) }
        }
        // "max", or a number beyond any machine: no limit.
        guard let limit = limits.compactMap(number).min(), limit < 1 << 50, let used = number(used) else { return nil }
        let statistics = TextFile.read("\(folder)/memory.stat")?.split(separator: "\n") ?? []
        func statistic(_ name: String) -> Int {
            let line = statistics.first { $0.hasPrefix("\(name) ") }
            return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
        }
        let droppable = max(statistic(files) - statistic(shared), 0)
        return max(limit - max(used - droppable, 0), 0)
    }
}
