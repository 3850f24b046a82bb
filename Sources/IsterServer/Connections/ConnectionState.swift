import NIOCore

/// What the two handlers of a connection share. Used on the connection's event loop only.
final class ConnectionState {
    var clock: ConnectionClock
    /// Bytes that were given to the socket or its buffer.
    var writtenBytes = 0

    init(limits: ConnectionLimits) {
        clock = ConnectionClock(limits: limits, now: Self.now)
    }

    static var now: Double { Double(NIODeadline.now().uptimeNanoseconds) * 1e-9 }
}

/// Before the HTTP decoder: sees the bytes of a request that has not begun to be one.
final class WireHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let state: ConnectionState

    init(_ state: ConnectionState) {
        self.state = state
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        state.clock.receivedBytes(at: ConnectionState.now)
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        state.writtenBytes += unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
    }
}
