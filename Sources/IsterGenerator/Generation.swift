/// A running request.
public struct Generation: Sendable {
    /// Events in order, or an error. Dropping the stream cancels the request.
    public let events: AsyncThrowingStream<GenerationEvent, any Error>
    private let onCancel: @Sendable () -> Void

    public init(events: AsyncThrowingStream<GenerationEvent, any Error>, onCancel: @escaping @Sendable () -> Void) {
        self.events = events
        self.onCancel = onCancel
    }

    /// Ends the request before its next forward call. `done` still comes, with what was held back.
    public func cancel() {
        onCancel()
    }
}
