public import NIOCore

/// Notices that a connection's client has closed its side, also while a request runs and nothing is read or written.
/// Connections get one when they open or with their first generating request. Lives on the channel's event loop.
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
