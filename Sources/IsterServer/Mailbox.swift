import Synchronization

/// Items of several producers for one consumer, who takes all that wait at once.
final class Mailbox<Item: Sendable>: Sendable {
    private struct State {
        var items: [Item] = []
        var error: (any Error)?
        var isFinished = false
        /// Items that `count(where:)` looked for so far.
        var markedCount = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let isMarked: @Sendable (Item) -> Bool

    /// isMarked: items that `waitForMarked` counts.
    init(isMarked: @escaping @Sendable (Item) -> Bool) {
        self.isMarked = isMarked
    }

    func push(_ item: Item) {
        let marked = isMarked(item)
        change { state in
            guard !state.isFinished else { return }
            state.items.append(item)
            if marked { state.markedCount += 1 }
        }
    }

    /// No items come after this. The first error wins.
    func finish(throwing error: (any Error)? = nil) {
        change { state in
            guard !state.isFinished else { return }
            state.error = error
            state.isFinished = true
        }
    }

    /// Waits until so many marked items came, or the end. Throws the end's error.
    func waitForMarked(_ count: Int) async throws {
        await wait { $0.markedCount >= count || $0.isFinished }
        if let error = state.withLock({ $0.error }) { throw error }
    }

    /// All items that wait, at least one; nil at the end. Items before an error come first.
    func take() async throws -> [Item]? {
        await wait { !$0.items.isEmpty || $0.isFinished }
        let (items, error) = state.withLock { state in
            let items = state.items
            state.items = []
            return (items, state.error)
        }
        if !items.isEmpty { return items }
        if let error { throw error }
        return nil
    }

    private func change(_ body: (inout State) -> Void) {
        let waiter = state.withLock { state in
            body(&state)
            let waiter = state.waiter
            state.waiter = nil
            return waiter
        }
        waiter?.resume()
    }

    private func wait(_ isReady: @Sendable (State) -> Bool) async {
        while true {
            await withCheckedContinuation { continuation in
                let isReadyNow = state.withLock { state in
                    if isReady(state) { return true }
                    state.waiter = continuation
                    return false
                }
                if isReadyNow { continuation.resume() }
            }
            if state.withLock({ isReady($0) }) { return }
        }
    }
}
