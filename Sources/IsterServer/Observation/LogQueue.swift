import Foundation

/// Lines on their way to a file, pipe or terminal. A thread of its own writes them, so that who logs never waits for
/// who reads: a pipe that nobody reads would otherwise stop the threads that carry all requests. Lines that find no
/// room are dropped and counted. Lives as long as the process.
///
/// Sendable: all that changes is touched only between `condition`'s lock and unlock.
public final class LogQueue: @unchecked Sendable {
    /// Of lines that wait: some thousands.
    public static let byteLimit = 1 << 20

    private let condition = NSCondition()
    private let byteLimit: Int
    private let write: @Sendable (String) -> Void
    private let onDrop: @Sendable (Int) -> Void
    private var lines: [String] = []
    /// Of the lines that wait and of those that are being written.
    private var heldBytes = 0
    private var droppedCount = 0
    private var isWriting = false

    /// - Parameters:
    ///   - write: takes whole lines, one after the other; may block.
    ///   - onDrop: told how many lines were dropped, between two calls of `write`; may block, too.
    public init(
        byteLimit: Int = byteLimit, write: @escaping @Sendable (String) -> Void,
        onDrop: @escaping @Sendable (Int) -> Void
    ) {
        self.byteLimit = byteLimit
        self.write = write
        self.onDrop = onDrop
        let thread = Thread { self.run() }
        thread.name = "log"
        thread.start()
    }

    /// Never waits for the writer.
    public func push(_ line: String) {
        condition.withLock {
            let count = line.utf8.count
            if count > byteLimit - heldBytes {
                droppedCount += 1
            } else {
                lines.append(line)
                heldBytes += count
            }
            condition.broadcast()
        }
    }

    /// Waits until all lines so far are written, at most so many seconds. Returns whether they are.
    @discardableResult
    public func flush(seconds: Double) -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        return condition.withLock {
            while isWriting || !lines.isEmpty || droppedCount > 0 {
                guard condition.wait(until: end) else { return false }
            }
            return true
        }
    }

    private func run() {
        while true {
            let (some, dropped) = take()
            for line in some { write(line) }
            if dropped > 0 { onDrop(dropped) }
            condition.withLock {
                isWriting = false
                heldBytes -= some.reduce(0) { $0 + $1.utf8.count }
                condition.broadcast()
            }
        }
    }

    /// All lines that wait and the number of those dropped since the last call; waits for some.
    private func take() -> (lines: [String], droppedCount: Int) {
        condition.withLock {
            while lines.isEmpty, droppedCount == 0 { condition.wait() }
            defer { (lines, droppedCount, isWriting) = ([], 0, true) }
            return (lines, droppedCount)
        }
    }
}
