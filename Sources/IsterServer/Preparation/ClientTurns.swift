/// Work that waits: of one client first come, first served, and clients in turn, so that nobody waits for all that
/// another has sent.
struct ClientTurns<Work> {
    /// Of each client that has any.
    private var waiting: [String: [Work]] = [:]
    /// These clients, the next first.
    private var clients: [String] = []

    var count: Int { waiting.values.reduce(0) { $0 + $1.count } }

    mutating func append(_ work: Work, of client: String) {
        if waiting[client] == nil { clients.append(client) }
        waiting[client, default: []].append(work)
    }

    mutating func next() -> Work? {
        guard let client = clients.first, var own = waiting.removeValue(forKey: client) else { return nil }
        clients.removeFirst()
        let work = own.removeFirst()
        if !own.isEmpty {
            waiting[client] = own
            clients.append(client)
        }
        return work
    }
}
