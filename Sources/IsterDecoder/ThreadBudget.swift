internal import Glibc

/// How many workers a team gets, and why. One thread too many in a throttled group stalls all of them, so the count is
/// the least of what the kernel, the container and the processor allow, rounded down.
public struct ThreadBudget: Sendable, Equatable {
    public let count: Int
    /// One line for a person.
    public let reason: String

    /// The budget of this process on this machine. `requested` wins, up to 1024.
    public static func ofThisMachine(requested: Int? = nil) -> ThreadBudget {
        func count(_ processors: [Int]) -> ProcessorCount {
            ProcessorCount(processors: processors.count, cores: Machine.physicalCoreCount(of: processors))
        }
        let numbers = Machine.onlineProcessors, allowed = count(Machine.allowedProcessors)
        // Often they are the same, and each costs a file to read.
        let online = numbers.count == allowed.processors ? allowed : count(numbers)
        return decide(requested: requested, allowed: allowed, online: online, quota: ControlGroup.processorQuota())
    }

    /// - Parameters:
    ///   - allowed: what this process may run on; two hyperthreads of a core share one set of multipliers.
    ///   - online: what the machine has.
    ///   - quota: processors' worth of time that the control groups grant; nil without a limit.
    public static func decide(
        requested: Int?, allowed: ProcessorCount, online: ProcessorCount, quota: Double?
    ) -> ThreadBudget {
        if let requested {
            return ThreadBudget(count: min(max(requested, 1), 1024), reason: "requested")
        }
        let cores = max(allowed.cores, 1)
        if let quota, quota < Double(cores) {
            return ThreadBudget(
                count: max(Int(quota), 1), reason: "control group quota of \(quota) processors, rounded down")
        }
        guard cores < online.cores else {
            return ThreadBudget(count: cores, reason: "\(cores) physical core\(cores == 1 ? "" : "s")")
        }
        return ThreadBudget(
            count: cores,
            reason: """
                \(cores) of \(online.cores) physical cores, since affinity or a cpuset allows \(allowed.processors) of \
                \(online.processors) processors
                """)
    }
}

/// Processors as the kernel counts them, and the cores behind them.
public struct ProcessorCount: Sendable, Equatable {
    public let processors: Int
    public let cores: Int

    public init(processors: Int, cores: Int) {
        self.processors = processors
        self.cores = cores
    }
}

/// Limits that a container sets (cgroups v1 and v2).
enum ControlGroup {
    /// The least quota over period of this process's group and all its ancestors.
    static func processorQuota(root: String = "/sys/fs/cgroup", membership: String = "/proc/self/cgroup") -> Double? {
        let quotas = processorGroups(membership).compactMap { group in
            group.isUnified
                ? unified(TextFile.read("\(root)\(group.path)/cpu.max")) : legacyQuota("\(root)/cpu\(group.path)")
        }
        return quotas.min()
    }

    /// The groups that may limit this process's time, each with its ancestors. isUnified: of cgroups v2.
    static func processorGroups(_ membership: String) -> [(path: String, isUnified: Bool)] {
        let lines = TextFile.read(membership)?.split(separator: "\n") ?? []
        return lines.flatMap { line -> [(path: String, isUnified: Bool)] in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return [] }
            let isUnified = fields[0] == "0"
            guard isUnified || fields[1].split(separator: ",").contains("cpu") else { return [] }
            return ancestors(String(fields[2])).map { ($0, isUnified) }
        }
    }

    /// "/a/b" gives "/a/b", "/a", "".
    static func ancestors(_ path: String) -> [String] {
        var parts = path.split(separator: "/").map(String.init)
        var result: [String] = []
        while !parts.isEmpty {
            result.append("/" + parts.joined(separator: "/"))
            parts.removeLast()
        }
        return result + [""]
    }

    /// cpu.max: "QUOTA PERIOD" in microseconds, or "max PERIOD".
    static func unified(_ text: String?) -> Double? {
        guard let fields = text?.split(whereSeparator: \.isWhitespace), fields.count == 2,
            let quota = Double(fields[0]), let period = Double(fields[1]), period > 0, quota > 0
        else { return nil }
        return quota / period
    }

    private static func legacyQuota(_ folder: String) -> Double? {
        guard let quota = TextFile.read("\(folder)/cpu.cfs_quota_us"),
            let period = TextFile.read("\(folder)/cpu.cfs_period_us")
        else { return nil }
        return unified(quota + " " + period)
    }
}

/// Small text files of the kernel.
enum TextFile {
    /// The first 64 KiB; nil when the file cannot be read.
    static func read(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var filled = 0
        while filled < bytes.count {
            let got = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
            }
            if got <= 0 { break }
            filled += got
        }
        return String(decoding: bytes[..<filled], as: UTF8.self)
    }
}
