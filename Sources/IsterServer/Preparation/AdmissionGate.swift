import Synchronization

/// Bounds what is read, prepared and held for slow readers at once, in all and of one client. A request that is refused
/// here has cost nothing: its body has not been read.
final class AdmissionGate: Sendable {
    struct Quota: Sendable, Equatable {
        /// Of all clients.
        var all: Int
        /// One client cannot take it from all others.
        var perClient: Int
        /// More than `all`, for clients that have no more than `small` of it: a few that take all they may do not keep
        /// out the others.
        var reserve: Int
        var small: Int

        fileprivate func excess(of amount: Int, own: Int, all held: Int) -> Excess? {
            let isInReserve = own + amount <= small && held + amount <= all + reserve
            guard held + amount <= all || isInReserve else { return .ofAll }
            return own + amount <= perClient ? nil : .ofClient(own)
        }
    }

    struct Limits: Sendable, Equatable {
        /// Requests whose bodies are being read or that are being prepared.
        var requests = Quota(
            all: APILimits.preparationCount, perClient: APILimits.preparationCount,
            reserve: APILimits.preparationCount / 4, small: APILimits.smallClientCount)
        /// Bytes of these requests' bodies, as far as they have come.
        var bodies = Quota(
            all: APILimits.preparationBytes, perClient: APILimits.preparationBytes / 2,
            reserve: APILimits.preparationBytes / 4, small: APILimits.smallClientBytes)
        /// Bytes of large whole answers that are being written.
        var answers = Quota(
            all: APILimits.answerBytes, perClient: APILimits.answerBytes / 2, reserve: APILimits.answerBytes / 4,
            small: APILimits.smallClientBytes)
    }

    fileprivate enum Excess {
        case ofAll
        /// What the client has.
        case ofClient(Int)
    }

    private struct Use: Equatable {
        var requestCount = 0
        var bodyBytes = 0
        var answerBytes = 0
    }

    private struct State {
        var all = Use()
        var byClient: [String: Use] = [:]

        mutating func change(_ client: String, _ body: (inout Use) -> Void) {
            body(&all)
            var own = byClient[client, default: Use()]
            body(&own)
            byClient[client] = own == Use() ? nil : own
        }
    }

    private let limits: Limits
    private let state = Mutex(State())

    init(_ limits: Limits) {
        self.limits = limits
    }

    /// Takes a place; it must be given back with `leave`.
    func enter(_ client: String) throws(APIError) {
        switch take(1, of: \.requestCount, limits.requests, client) {
        case nil: return
        case .ofAll: throw .tooManyPreparing
        case .ofClient(let count): throw .clientPreparing(count: count)
        }
    }

    /// Counts bytes of a body that have come.
    func take(bytes: Int, for client: String) throws(APIError) {
        switch take(bytes, of: \.bodyBytes, limits.bodies, client) {
        case nil: return
        case .ofAll: throw .tooManyPreparing
        case .ofClient(let bytes): throw .clientBytes(bytes)
        }
    }

    /// bytes: all that were taken for the request.
    func leave(_ client: String, bytes: Int) {
        state.withLock { state in
            state.change(client) { use in
                use.requestCount -= 1
                use.bodyBytes -= bytes
            }
        }
    }

    /// Counts a whole answer; it must be given back with `release`.
    func hold(answerBytes bytes: Int, for client: String) throws(APIError) {
        switch take(bytes, of: \.answerBytes, limits.answers, client) {
        case nil: return
        case .ofAll: throw .tooManyAnswers
        case .ofClient(let bytes): throw .clientAnswers(bytes)
        }
    }

    func release(answerBytes bytes: Int, for client: String) {
        state.withLock { state in state.change(client) { $0.answerBytes -= bytes } }
    }

    private func take(
        _ amount: Int, of kind: WritableKeyPath<Use, Int>, _ quota: Quota, _ client: String
    ) -> Excess? {
        state.withLock { state in
            let own = state.byClient[client, default: Use()][keyPath: kind]
            let excess = quota.excess(of: amount, own: own, all: state.all[keyPath: kind])
            if excess == nil { state.change(client) { $0[keyPath: kind] += amount } }
            return excess
        }
    }

    /// What is counted now, over all clients.
    var use: (requestCount: Int, bodyBytes: Int, answerBytes: Int, clientCount: Int) {
        state.withLock { ($0.all.requestCount, $0.all.bodyBytes, $0.all.answerBytes, $0.byClient.count) }
    }
}

extension AdmissionGate.Limits {
    /// What the generator has places for may be prepared.
    init(_ options: APIOptions) {
        self.init()
        requests.all = max(requests.all, options.placeCount ?? 0)
        requests.perClient = options.perClientCount ?? requests.all
    }
}
