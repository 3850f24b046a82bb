import Synchronization

/// Items of several producers for one consumer, who takes all that wait at once. Who falls too far behind is cut off.
final class Mailbox<Item: Sendable>: Sendable {
    private struct State {
        var items: [Item] = []
        /// Of the items.
        var weight = 0
        var limit: (weight: Int, error: any Error)?
        var error: (any Error)?
        var isFinished = false
        /// Items that `count(where:)` looked for so far.
        var markedCount = 0
        var consumer: CheckedContinuation<Void, Never>?
        /// The one that waits for room.
        var producer: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>
    private let isMarked: @Sendable (Item) -> Bool
    private let weight: @Sendable (Item) -> Int

    /// - Parameters:
    ///   - isMarked: items that `waitForMarked` counts.
    ///   - weight: what an item takes of `limit`.
    ///   - limit: items that are together heavier than this do not wait: the consumer gets those before them, then the
    ///     error.
    init(
        isMarked: @escaping @Sendable (Item) -> Bool, weight: @escaping @Sendable (Item) -> Int,
        limit: (weight: Int, error: any Error)? = nil
    ) {
        self.isMarked = isMarked
        self.weight = weight
        state = Mutex(State(limit: limit))
    }

    /// False: nobody will take the item.
    @discardableResult
    func push(_ item: Item) -> Bool {
        let marked = isMarked(item)
        let weight = weight(item)
        return change { state in
            guard !state.isFinished else { return false }
            if let limit = state.limit, weight > 0, state.weight > limit.weight - weight {
                state.error = limit.error
                state.isFinished = true
                return false
            }
            state.items.append(item)
            state.weight += weight
            if marked { state.markedCount += 1 }
            return true
        }
    }

    /// Waits until less than half of the limit waits to be taken, or the end.
    func waitForRoom() async {
        await wait(asProducer: true) { state in
            state.isFinished || state.limit.map { state.weight < $0.weight / 2 } ?? true
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
        let (items, error) = change { state in
            let items = state.items
            state.items = []
            state.weight = 0
            return (items, state.error)
        }
        if !items.isEmpty { return items }
        if let error { throw error }
        return nil
    }

    private func change<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        let (result, waiters) = state.withLock { state in
            let result = body(&state)
            let waiters = [state.consumer, state.producer]
            (state.consumer, state.producer) = (nil, nil)
            return (result, waiters)
        }
        for waiter in waiters { waiter?.resume() }
        return result
    }

    private func wait(asProducer: Bool = false, until isReady: @Sendable (State) -> Bool) async {
        while true {
            await withCheckedContinuation { continuation in
                let isReadyNow = state.withLock { state in
                    if isReady(state) { return true }
                    if asProducer { state.producer = continuation } else { state.consumer = continuation }
                    return false
                }
                if isReadyNow { continuation.resume() }
            }
            if state.withLock({ isReady($0) }) { return }
        }
    }
}
