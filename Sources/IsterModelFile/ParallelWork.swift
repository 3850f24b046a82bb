internal import Foundation

/// Numbered pieces of work on a few threads.
public enum ParallelWork {
    /// More than any machine's processors; a request for a million threads is not obeyed.
    static let threadLimit = 512

    /// Calls `body` with 0..<items, in ascending order of start, on `threads` threads; returns when all have ended.
    /// `progress` gets the number of finished items on the calling thread, at most ten times a second and at the end.
    /// After a failure no new item starts. Items below a failed one were started before it and are finished, so the
    /// error that is thrown, that of the lowest failed item, does not depend on the number of threads.
    public static func run<Failure: Error>(
        items: Int, threads: Int, progress: (Int) -> Void = { _ in },
        _ body: @escaping @Sendable (Int) throws(Failure) -> Void
    ) throws(Failure) {
        guard items > 0 else { return }
        let state = State<Failure>(items: items)
        let workers = max(1, min(threads, items, threadLimit))
        for _ in 0..<workers {
            Thread.detachNewThread {
                while let item = state.next() {
                    do throws(Failure) {
                        try body(item)
                        state.finish()
                    } catch {
                        state.fail(item, error)
                    }
                }
                state.leave()
            }
        }
        state.wait(workers: workers, progress: progress)
        if let failure = state.failure { throw failure.error }
    }

    /// Sendable: every field is read and written only while `condition` is locked; `failure` is read once more after
    /// the last worker left.
    private final class State<Failure: Error>: @unchecked Sendable {
        private let condition = NSCondition()
        private let items: Int
        private var started = 0
        private var finished = 0
        private var left = 0
        private(set) var failure: (item: Int, error: Failure)?

        init(items: Int) { self.items = items }

        func next() -> Int? {
            condition.withLock {
                guard failure == nil, started < items else { return nil }
                started += 1
                return started - 1
            }
        }

        func finish() { condition.withLock { finished += 1 } }

        func fail(_ item: Int, _ error: Failure) {
            condition.withLock { if failure.map({ item < $0.item }) ?? true { failure = (item, error) } }
        }

        func leave() {
            condition.withLock {
                left += 1
                condition.signal()
            }
        }

        func wait(workers: Int, progress: (Int) -> Void) {
            while true {
                let (done, ended) = condition.withLock {
                    if left < workers { _ = condition.wait(until: Date(timeIntervalSinceNow: 0.1)) }
                    return (finished, left == workers)
                }
                progress(done)
                if ended { return }
            }
        }
    }
}
