import NIOCore
import NIOHTTP1

/// Between the HTTP decoder and the translation of heads, which loses their version. A client of HTTP/1.0 knows no
/// chunks and no kept connections: without a length it reads its answer to the connection's end.
final class VersionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Of the requests whose answers have not begun.
    private var versions = CircularBuffer<HTTPVersion>()
    private var readsOldRequest = false
    /// An old request has come whole. Nothing is read after it: a refusal would become part of its answer.
    private var isOver = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        switch unwrapInboundIn(data) {
        case .head(var head):
            versions.append(head.version)
            readsOldRequest = head.version == .http1_0
            if readsOldRequest {
                // Also for clients that offer to keep it.
                head.headers.replaceOrAdd(name: "connection", value: "close")
                // HTTP/1.0 has no interim answers.
                head.headers.remove(name: "expect")
            }
            context.fireChannelRead(wrapInboundOut(.head(head)))
        case .body:
            context.fireChannelRead(data)
        case .end:
            isOver = readsOldRequest
            context.fireChannelRead(data)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isOver, error is HTTPParserError || error is ByteToMessageDecoderError { return }
        context.fireErrorCaught(error)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // 1xx come before the answer.
        guard case .head(var head) = unwrapOutboundIn(data), head.status.code >= 200 else {
            return context.write(data, promise: promise)
        }
        // The encoder makes chunks for HTTP/1.1 only.
        if versions.popFirst() == .http1_0 { head.version = .http1_0 }
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
}
