/// How often the control group's quota has stopped this process and its neighbours, since the group was made.
public struct Throttling: Sendable, Equatable {
    /// Accounting periods in which the group ran.
    public let periods: UInt64
    /// Periods in which it used its quota up and was stopped.
    public let throttledPeriods: UInt64
    /// Time that its threads were stopped, summed over processors.
    public let seconds: Double

    public init(periods: UInt64, throttledPeriods: UInt64, seconds: Double) {
        self.periods = periods
        self.throttledPeriods = throttledPeriods
        self.seconds = seconds
    }

    /// A group's `cpu.stat`: lines of a name and a number. nil when it counts no periods, as at the root.
    public static func parse(_ text: String) -> Throttling? {
        var values: [Substring: UInt64] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count == 2, let value = UInt64(fields[1]) else { continue }
            values[fields[0]] = value
        }
        guard let periods = values["nr_periods"], let throttled = values["nr_throttled"] else { return nil }
        // cgroups v2 count microseconds, v1 nanoseconds.
        let seconds = values["throttled_usec"].map { Double($0) / 1e6 } ?? Double(values["throttled_time"] ?? 0) / 1e9
        return Throttling(periods: periods, throttledPeriods: throttled, seconds: seconds)
    }
}

extension Machine {
    /// Of this process's control group or the ancestor that was stopped most often; nil where nothing is counted.
    public static var throttling: Throttling? { ControlGroup.throttling() }
}

extension ControlGroup {
    static func throttling(root: String = "/sys/fs/cgroup", membership: String = "/proc/self/cgroup") -> Throttling? {
        let groups = processorGroups(membership)
        let found = groups.compactMap { group in
            TextFile.read("\(root)\(group.isUnified ? "" : "/cpu")\(group.path)/cpu.stat").flatMap(Throttling.parse)
        }
        return found.max { $0.throttledPeriods < $1.throttledPeriods }
    }
}
