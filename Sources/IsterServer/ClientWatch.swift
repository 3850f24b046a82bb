public import NIOCore

/// Notices that a connection's client has closed its side, also while a request runs and nothing is read or written.
/// The server's connections get one when they open, so that a client that leaves while its request is read or prepared
/// is not missed; a connection without one gets it when it is first watched. Lives on the channel's event loop.
public final class ClientWatch: ChannelInboundHandler, RemovableChannelHandler {
    public typealias InboundIn = Any

    private var hasLeft = false
    private var onLeave: (@Sendable () -> Void)?

    public init() {}

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { leave() }
        context.fireUserInboundEventTriggered(event)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    public func handlerRemoved(context: ChannelHandlerContext) { leave() }

    private func leave() {
        hasLeft = true
        onLeave?()
        onLeave = nil
    }

    /// A connection has one request at a time, so the last one's action is the one to keep.
    private func set(_ action: @escaping @Sendable () -> Void) {
        if hasLeft { action() } else { onLeave = action }
    }

    /// The value of `work`, which is cancelled when the client leaves.
    static func whileConnected<Value: Sendable>(
        _ channel: any Channel, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = Task(operation: work)
        watch(channel) { task.cancel() }
        // The action would keep the task and its value.
        defer { watch(channel) {} }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    /// Calls `action` once when the client leaves; at once if it has left.
    static func watch(_ channel: any Channel, _ action: @escaping @Sendable () -> Void) {
        channel.eventLoop.execute {
            let pipeline = channel.pipeline.syncOperations
            do {
                try pipeline.handler(type: ClientWatch.self).set(action)
            } catch {
                let watch = ClientWatch()
                watch.set(action)
                // First: before handlers that may keep events to themselves.
                do { try pipeline.addHandler(watch, position: .first) } catch { action() }
            }
        }
    }
}
