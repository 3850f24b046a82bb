/// A running request.
public struct Generation: Sendable {
    typealias Continuation = AsyncThrowingStream<GenerationEvent, any Error>.Continuation

    /// Tokens as they come, then `done`; or an error. Dropping the stream cancels the request.
    public let events: AsyncThrowingStream<GenerationEvent, any Error>
    let task: Task<Void, Never>

    /// Ends the request before its next forward call. `done` still comes, with what was held back.
    public func cancel() {
        task.cancel()
    }
}
