import Synchronization

/// The keys in force. A key that is still there after a reload keeps what it has used of its limits.
public final class KeyRing: Sendable {
    private struct State {
        var keys: [APIKey]
        var meters: [String: KeyMeter] = [:]
    }

    private let state: Mutex<State>

    public init(_ keys: [APIKey]) {
        state = Mutex(State(keys: keys))
    }

    public func replace(_ keys: [APIKey]) {
        state.withLock { state in
            state.keys = keys
            let names = Set(keys.map(\.name))
            state.meters = state.meters.filter { names.contains($0.key) }
        }
    }

    public var names: [String] { state.withLock { $0.keys.map(\.name) } }

    /// Compares with every entry to its last byte: the time taken tells nothing about the keys.
    func find(_ key: String) -> APIKey? {
        let digest = APIKey.digest(of: key)
        return state.withLock { state in
            var found = -1
            for (index, entry) in state.keys.enumerated() {
                var difference: UInt8 = 0
                for position in 0..<min(digest.count, entry.digest.count) {
                    difference |= digest[position] ^ entry.digest[position]
                }
                // Without a branch: all ones if nothing differs, else zero.
                let isEqual = (Int(difference) - 1) >> 8
                found = (found & ~isEqual) | (index & isEqual)
            }
            return found >= 0 ? state.keys[found] : nil
        }
    }

    /// Takes one request from the key's limits, or tells what is used up and for how many seconds.
    func takeRequest(_ key: APIKey, at now: Double) -> KeyMeter.Excess? {
        guard key.requestsPerMinute != nil || key.tokensPerMinute != nil else { return nil }
        return state.withLock { state in
            state.meters[key.name, default: KeyMeter(key, now: now)].takeRequest(key, at: now)
        }
    }

    /// Counts tokens that a request of this key took. They are known only afterwards, so the budget may go below zero.
    func countTokens(_ count: Int, of name: String, at now: Double) {
        state.withLock { state in
            guard let key = state.keys.first(where: { $0.name == name }), key.tokensPerMinute != nil else { return }
            state.meters[name, default: KeyMeter(key, now: now)].take(tokens: count, key, at: now)
        }
    }
}

/// Two token buckets: each holds a minute's worth and fills steadily.
struct KeyMeter {
    struct Excess: Equatable {
        /// "requests" or "tokens".
        var what: String
        var retryAfter: Double
    }

    /// nil: without a limit so far. One that comes with a reload finds its bucket full.
    private var requests: Double?
    private var tokens: Double?
    private var filledAt: Double

    init(_ key: APIKey, now: Double) {
        requests = key.requestsPerMinute
        tokens = key.tokensPerMinute
        filledAt = now
    }

    mutating func takeRequest(_ key: APIKey, at now: Double) -> Excess? {
        fill(key, now)
        if let limit = key.tokensPerMinute, let tokens, tokens <= 0 {
            return Excess(what: "tokens", retryAfter: max((1 - tokens) / (limit / 60), 0.001))
        }
        if let limit = key.requestsPerMinute, let left = requests {
            if left < 1 { return Excess(what: "requests", retryAfter: max((1 - left) / (limit / 60), 0.001)) }
            requests = left - 1
        }
        return nil
    }

    mutating func take(tokens count: Int, _ key: APIKey, at now: Double) {
        fill(key, now)
        tokens? -= Double(count)
    }

    private mutating func fill(_ key: APIKey, _ now: Double) {
        let minutes = max(now - filledAt, 0) / 60
        filledAt = now
        requests = key.requestsPerMinute.map { min((requests ?? $0) + minutes * $0, $0) }
        tokens = key.tokensPerMinute.map { min((tokens ?? $0) + minutes * $0, $0) }
    }
}
