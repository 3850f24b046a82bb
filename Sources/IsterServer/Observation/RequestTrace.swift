import Synchronization

/// What becomes known of a request while it is answered, for its line in the log.
final class RequestTrace: Sendable {
    @TaskLocal static var current: RequestTrace?

    struct Facts: Sendable, Equatable {
        var clientName = ""
        var promptTokenCount = 0
        var cachedTokenCount = 0
        var generatedTokenCount = 0
        /// Of the error that ended a stream, whose status had told of success before.
        var streamErrorCode: String?
    }

    private let state = Mutex(Facts())

    var facts: Facts { state.withLock { $0 } }

    func name(client: String) { state.withLock { $0.clientName = client } }

    func count(prompt: Int, cached: Int) {
        state.withLock { facts in
            facts.promptTokenCount += prompt
            facts.cachedTokenCount += cached
        }
    }

    func countToken() { state.withLock { $0.generatedTokenCount += 1 } }

    func endStream(code: String) { state.withLock { $0.streamErrorCode = code } }
}
