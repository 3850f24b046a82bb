import Synchronization

/// Whether the server takes work.
public final class ServerState: Sendable {
    public enum Phase: Sendable, Equatable {
        /// Listens, but the model is not there yet.
        case loading
        case ready
        /// Still takes work, but tells the load balancer that it will not for long.
        case leaving
        /// Finishes what it has.
        case draining
        /// The model file changed while in use.
        case damaged
    }

    private let current = Mutex(Phase.loading)
    private let damageCheck = Mutex<@Sendable () -> Bool>({ false })

    public var phase: Phase {
        if damageCheck.withLock({ $0 })() { advance(to: .damaged) }
        return current.withLock { $0 }
    }

    /// damageCheck: whether the model file broke; asked whenever the phase is.
    public func watch(_ damageCheck: @escaping @Sendable () -> Bool) {
        self.damageCheck.withLock { $0 = damageCheck }
    }

    /// Phases only go forward.
    func advance(to phase: Phase) {
        current.withLock { current in
            if Self.order(phase) > Self.order(current) { current = phase }
        }
    }

    private static func order(_ phase: Phase) -> Int {
        switch phase {
        case .loading: 0
        case .ready: 1
        case .leaving: 2
        case .draining: 3
        case .damaged: 4
        }
    }

    /// Why no work should be sent; nil when it may.
    var unreadiness: APIError? { phase == .leaving ? .draining : refusal }

    /// Why no work is taken; nil when it is.
    var refusal: APIError? {
        switch phase {
        case .loading: .loading
        case .ready, .leaving: nil
        case .draining: .draining
        case .damaged: .damaged
        }
    }
}
