internal import Synchronization

/// Numbered pieces of work on a few threads.
public enum ParallelWork {
    /// More than any machine's processors; a request for a million threads is not obeyed.
    static let threadLimit = 512

    /// Calls `body` with 0..<items, in ascending order of start, on `threads` threads; returns when all have ended.
    /// Threads that the system refuses are done without: the others, or the caller where there is none, do their part.
    /// `progress` gets the number of finished items on the calling thread, about ten times a second and at the end.
    /// After a failure no new item starts. Items below a failed one were started before it and are finished, so the
    /// error that is thrown, that of the lowest failed item, does not depend on the number of threads.
    public static func run<Failure: Error>(
        items: Int, threads: Int, progress: (Int) -> Void = { _ in },
        _ body: @escaping @Sendable (Int) throws(Failure) -> Void
    ) throws(Failure) {
        guard items > 0 else { return }
        let state = State<Failure>(items: items)
        let team = WorkThreads(count: max(1, min(threads, items, threadLimit))) { state.work(body) }
        if team.isEmpty {
            var reported = ContinuousClock.now
            state.work(body) { finished in
                guard ContinuousClock.now - reported > WorkThreads.waitingTime else { return }
                reported = .now
                progress(finished)
            }
        } else {
            team.wait { progress(state.finished) }
        }
        progress(state.finished)
        if let failure = state.failure { throw failure.error }
    }

    /// What the threads of one run share.
    private final class State<Failure: Error>: Sendable {
        private struct Progress {
            var started = 0
            var finished = 0
            var failure: (item: Int, error: Failure)?
        }

        private let items: Int
        private let shared = Mutex(Progress())

        init(items: Int) { self.items = items }

        var finished: Int { shared.withLock { $0.finished } }
        var failure: (item: Int, error: Failure)? { shared.withLock { $0.failure } }

        /// Does items until none is left or one has failed. `report` gets the number of finished items after each.
        func work(_ body: (Int) throws(Failure) -> Void, report: (Int) -> Void = { _ in }) {
            while let item = next() {
                do throws(Failure) {
                    try body(item)
                    shared.withLock { $0.finished += 1 }
                    report(finished)
                } catch {
                    fail(item, error)
                }
            }
        }

        private func next() -> Int? {
            shared.withLock { progress in
                guard progress.failure == nil, progress.started < items else { return nil }
                progress.started += 1
                return progress.started - 1
            }
        }

        private func fail(_ item: Int, _ error: Failure) {
            shared.withLock { progress in
                if progress.failure.map({ item < $0.item }) ?? true { progress.failure = (item, error) }
            }
        }
    }
}
