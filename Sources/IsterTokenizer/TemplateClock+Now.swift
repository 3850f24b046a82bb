import Glibc

extension TemplateClock {
    /// The system's clock in the local time zone. A template never reads it by itself.
    public static var now: TemplateClock {
        var seconds = time(nil)
        var local = unsafe tm()
        unsafe localtime_r(&seconds, &local)
        return unsafe TemplateClock(
            year: Int(local.tm_year) + 1900, month: Int(local.tm_mon) + 1, day: Int(local.tm_mday),
            hour: Int(local.tm_hour), minute: Int(local.tm_min), second: Int(local.tm_sec),
            weekday: Int(local.tm_wday))
    }

    /// Starts to measure the processor time of the calling thread, which renders: how busy the machine is does not
    /// count.
    public static func stopwatch() -> @Sendable () -> Duration {
        let start = threadTime
        return { threadTime - start }
    }

    private static var threadTime: Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
