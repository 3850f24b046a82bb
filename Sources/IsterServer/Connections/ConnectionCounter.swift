import Synchronization

/// Counts open connections, in all and by address.
final class ConnectionCounter: Sendable {
    enum Admission: Equatable {
        case serve
        /// Over the limit: answered once with 503.
        case refuse
        /// Far over it: closed at once.
        case drop
    }

    /// Connections beyond the limit that are still told so.
    static let courtesyCount = 64

    private struct Counts {
        var total = 0
        var refused = 0
        var byAddress: [String: Int] = [:]
    }

    private let counts = Mutex(Counts())
    private let limits: ConnectionLimits

    init(limits: ConnectionLimits) {
        self.limits = limits
    }

    var count: Int { counts.withLock { $0.total } }

    /// An admission other than `drop` must be given back with `leave`.
    func admit(_ address: String) -> Admission {
        counts.withLock { counts in
            let isOver =
                counts.total - counts.refused >= limits.connectionCount
                || counts.byAddress[address, default: 0] >= limits.perAddressCount
            if isOver, counts.refused >= Self.courtesyCount { return .drop }
            counts.total += 1
            if isOver {
                counts.refused += 1
                return .refuse
            }
            counts.byAddress[address, default: 0] += 1
            return .serve
        }
    }

    func leave(_ address: String, _ admission: Admission) {
        counts.withLock { counts in
            switch admission {
            case .drop: return
            case .refuse: counts.refused -= 1
            case .serve:
                let left = counts.byAddress[address, default: 1] - 1
                counts.byAddress[address] = left > 0 ? left : nil
            }
            counts.total -= 1
        }
    }
}
