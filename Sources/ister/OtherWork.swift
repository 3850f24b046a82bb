import Glibc

/// The processor time that other processes take from now on.
struct OtherWork {
    private let start = ContinuousClock.now
    private let machine = Self.busySeconds()
    private let own = Self.ownSeconds()

    /// Processors that others used on average since the beginning; nil when the system does not tell.
    var processors: Double? {
        guard let machine, let now = Self.busySeconds() else { return nil }
        let seconds = start.duration(to: .now) / .seconds(1)
        return seconds > 0 ? max((now - machine - (Self.ownSeconds() - own)) / seconds, 0) : nil
    }

    /// Of all processes and, on a virtual machine, of others on the same host, from the first line of /proc/stat: user,
    /// nice, system, idle, waiting, interrupts (2), stolen.
    private static func busySeconds() -> Double? {
        guard let file = unsafe fopen("/proc/stat", "re") else { return nil }
        defer { unsafe fclose(file) }
        var line = [UInt8](repeating: 0, count: 512)
        let count = unsafe fread(&line, 1, line.count, file)
        let text = String(decoding: line[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        let ticks = text.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard text.hasPrefix("cpu "), ticks.count >= 8 else { return nil }
        return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private static func ownSeconds() -> Double {
        var usage = rusage()
        guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
