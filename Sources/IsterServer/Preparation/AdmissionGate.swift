import Synchronization

/// Bounds what is read and prepared at once, in all and of one client. What is refused here has cost nothing: its body
/// has not been read.
final class AdmissionGate: Sendable {
    struct Limits: Sendable, Equatable {
        /// Requests whose bodies are being read or that are being prepared.
        var requestCount = APILimits.preparationCount
        var perClientCount = APILimits.preparationCount
        /// Of these requests' bodies, as far as they have come.
        var bodyBytes = APILimits.preparationBytes
        /// One client cannot fill the memory for all.
        var perClientBytes = APILimits.preparationBytes / 2
    }

    private struct Use {
        var requestCount = 0
        var bodyBytes = 0
    }

    private struct State {
        var all = Use()
        var byClient: [String: Use] = [:]
    }

    private let limits: Limits
    private let state = Mutex(State())

    init(_ limits: Limits) {
        self.limits = limits
    }

    /// Takes a place; it must be given back with `leave`.
    func enter(_ client: String) throws(APIError) {
        let refusal: APIError? = state.withLock { state in
            guard state.all.requestCount < limits.requestCount else { return .tooManyPreparing }
            let own = state.byClient[client, default: Use()].requestCount
            guard own < limits.perClientCount else { return .clientPreparing(count: own) }
            state.all.requestCount += 1
            state.byClient[client, default: Use()].requestCount += 1
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Counts bytes of a body that have come.
    func take(bytes: Int, for client: String) throws(APIError) {
        let refusal: APIError? = state.withLock { state in
            guard bytes <= limits.bodyBytes - state.all.bodyBytes else { return .tooManyPreparing }
            let own = state.byClient[client, default: Use()].bodyBytes
            guard bytes <= limits.perClientBytes - own else { return .clientBytes(own) }
            state.all.bodyBytes += bytes
            state.byClient[client, default: Use()].bodyBytes += bytes
            return nil
        }
        if let refusal { throw refusal }
    }

    /// bytes: all that were taken for the request.
    func leave(_ client: String, bytes: Int) {
        state.withLock { state in
            state.all.requestCount -= 1
            state.all.bodyBytes -= bytes
            guard var own = state.byClient[client] else { return }
            own.requestCount -= 1
            own.bodyBytes -= bytes
            state.byClient[client] = own.requestCount > 0 ? own : nil
        }
    }

    /// What is counted now, over all clients.
    var use: (requestCount: Int, bodyBytes: Int, clientCount: Int) {
        state.withLock { ($0.all.requestCount, $0.all.bodyBytes, $0.byClient.count) }
    }
}

extension AdmissionGate.Limits {
    /// What the generator has places for may be prepared.
    init(_ options: APIOptions) {
        self.init()
        requestCount = max(requestCount, options.placeCount ?? 0)
        perClientCount = options.perClientCount ?? requestCount
    }
}
