/// How long a work will take yet, from the pace since its first part was done: what comes before that part differs.
final class RemainingTime {
    private var first: (time: ContinuousClock.Instant, done: Double)?

    /// ", 12 s left"; empty until the pace is known. done: of `total` parts.
    func text(_ done: Double, of total: Double) -> String {
        guard done > 0 else { return "" }
        let now = ContinuousClock.now
        guard let first, done > first.done else {
            first = first ?? (now, done)
            return ""
        }
        let pace = first.time.duration(to: now) / .seconds(1) / (done - first.done)
        return ", \(decimals(max(total - done, 0) * pace, 0)) s left"
    }
}
