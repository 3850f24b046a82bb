/// How many rows of work each client has had. The one with the fewest comes next, as in the virtual token counter of
/// Sheng et al. 2024 ("Fairness in Serving Large Language Models"): a client that comes back starts at the level of the
/// others, so idling saves nothing up.
struct FairShares {
    private struct Share {
        var served: Int
        /// Breaks ties: who came first.
        var order: Int
        var requestCount = 0
    }

    private var shares: [String: Share] = [:]
    private var nextOrder = 0

    func served(_ client: String) -> Int { shares[client]?.served ?? 0 }
    func order(_ client: String) -> Int { shares[client]?.order ?? 0 }
    /// Requests of a client, waiting and running.
    func requestCount(_ client: String) -> Int { shares[client]?.requestCount ?? 0 }

    mutating func enter(_ client: String) {
        if requestCount(client) == 0 {
            let served = max(served(client), leastActive ?? 0)
            shares[client] = Share(served: served, order: nextOrder)
            nextOrder += 1
        }
        shares[client]?.requestCount += 1
    }

    mutating func leave(_ client: String) {
        shares[client]?.requestCount -= 1
        // Who is not ahead of the others would start at their level anyway.
        let level = leastActive ?? Int.max
        shares = shares.filter { $0.value.requestCount > 0 || $0.value.served > level }
    }

    mutating func charge(_ client: String, rows: Int) {
        shares[client]?.served += rows
    }

    private var leastActive: Int? {
        shares.values.lazy.filter { $0.requestCount > 0 }.map(\.served).min()
    }
}
