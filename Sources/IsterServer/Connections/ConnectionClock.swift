/// Tells when a connection has kept the server waiting for too long. It has no clock and no socket: times are given, in
/// seconds on any steady scale.
struct ConnectionClock: Equatable {
    enum Verdict: Equatable {
        case wait
        /// Nothing was asked for: close without a word.
        case idle
        /// Part of a request came and the rest did not.
        case slowRequest
        /// The client does not take its answer.
        case stalled
    }

    private let limits: ConnectionLimits
    /// Requests whose headers came and whose answer has not ended.
    private(set) var unansweredCount = 0
    private(set) var readsBody = false
    private var bodyStart = 0.0
    private var bodyBytes = 0
    private var idleSince: Double
    private var headStart: Double?
    private var isFresh = true
    private var isDraining = false
    private var deliveredBytes = 0
    private var waitingBytes = 0
    private var deliveredAt: Double

    init(limits: ConnectionLimits, now: Double) {
        self.limits = limits
        idleSince = now
        deliveredAt = now
    }

    var isIdle: Bool { unansweredCount == 0 && !readsBody }

    mutating func receivedBytes(at now: Double) {
        if isIdle, headStart == nil { headStart = now }
    }

    mutating func receivedHead(at now: Double) {
        isFresh = false
        headStart = nil
        unansweredCount += 1
        readsBody = true
        bodyStart = now
        bodyBytes = 0
    }

    /// Returns whether the body is still within its bounds.
    mutating func receivedBody(_ count: Int) -> Bool {
        bodyBytes += count
        return bodyBytes <= limits.bodyBytes
    }

    mutating func receivedEnd(at now: Double) {
        readsBody = false
        idleSince = now
    }

    mutating func answered(at now: Double) {
        unansweredCount = max(unansweredCount - 1, 0)
        idleSince = now
        // While an earlier request was being answered, this one's body was not asked for.
        if readsBody, unansweredCount > 0 { bodyStart = now }
    }

    /// - Parameters:
    ///   - delivered: bytes that left this process since the start.
    ///   - waiting: bytes that the client's side has no room for.
    mutating func wrote(delivered: Int, waiting: Int, at now: Double) {
        if delivered > deliveredBytes || waiting == 0 || waitingBytes == 0 { deliveredAt = now }
        // An answer has ended when its last byte has left, not when it was written.
        if waitingBytes > 0, waiting == 0 { idleSince = now }
        deliveredBytes = delivered
        waitingBytes = waiting
    }

    /// From now on an idle connection is closed soon.
    mutating func drain() { isDraining = true }

    func verdict(at now: Double) -> Verdict {
        if waitingBytes > 0, now - deliveredAt >= limits.stallSeconds { return .stalled }
        if readsBody {
            // A pipelined body waits for the answers before it; that is not the client's doing.
            if unansweredCount > 1 { return .wait }
            let elapsed = now - bodyStart
            let isTooSlow =
                elapsed >= limits.bodyGraceSeconds && Double(bodyBytes) < limits.bodyBytesPerSecond * elapsed
            return elapsed >= limits.bodySeconds || isTooSlow ? .slowRequest : .wait
        }
        guard unansweredCount == 0 else { return .wait }
        if let headStart { return now - headStart >= limits.headerSeconds ? .slowRequest : .wait }
        if waitingBytes > 0 { return .wait }
        var patience = isFresh ? min(limits.headerSeconds, limits.idleSeconds) : limits.idleSeconds
        if isDraining { patience = min(patience, 1) }
        return now - idleSince >= patience ? .idle : .wait
    }
}
