import Synchronization

/// A line on the terminal for work that lasts more than a second. Silent when stderr is no terminal.
/// Calls may come from any thread.
final class ProgressBar: Sendable {
    private struct State {
        var lastShown: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let start = ContinuousClock.now
    private let isShown = StandardError.isTerminal
    private static let width = 30

    /// done: of `total`. label: what is being worked on.
    func show(done: Int, total: Int, label: String) {
        guard isShown, total > 0, start.duration(to: .now) > .seconds(1) else { return }
        let isDue = state.withLock { state in
            let now = ContinuousClock.now
            if let last = state.lastShown, last.duration(to: now) < .milliseconds(100) { return false }
            state.lastShown = now
            return true
        }
        guard isDue else { return }
        let fraction = min(max(Double(done) / Double(total), 0), 1)
        let filled = Int(fraction * Double(Self.width))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
        let percent = Int(fraction * 100)
        StandardError.write("\r\u{1B}[K[\(bar)] \(percent)% \(label)")
    }

    /// Removes the line.
    func clear() {
        let wasShown = state.withLock { $0.lastShown != nil }
        if wasShown { StandardError.write("\r\u{1B}[K") }
    }
}
