import NIOCore

/// What the handlers of a connection share. Used on the connection's event loop only.
final class ConnectionState {
    var clock: ConnectionClock
    /// Bytes that were given to the socket or its buffer, encrypted where the connection is.
    var writtenBytes = 0

    init(limits: ConnectionLimits) {
        clock = ConnectionClock(limits: limits, now: Self.now)
    }

    static var now: Double { Double(NIODeadline.now().uptimeNanoseconds) * 1e-9 }
}

/// Before the HTTP decoder: sees the bytes of a request that has not begun to be one.
final class WireHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let state: ConnectionState

    init(_ state: ConnectionState) {
        self.state = state
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        state.clock.receivedBytes(at: ConnectionState.now)
        context.fireChannelRead(data)
    }
}

/// Next to the socket: what is counted here and what waits there are the same bytes.
final class WrittenBytesHandler: ChannelOutboundHandler {
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let state: ConnectionState

    init(_ state: ConnectionState) {
        self.state = state
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        state.writtenBytes += unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
    }
}
