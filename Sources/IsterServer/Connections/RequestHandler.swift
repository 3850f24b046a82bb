import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Between the HTTP decoder and the application: holds each request to the limits and answers those that break them
/// itself, so that the application never sees them.
final class RequestHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let state: ConnectionState
    private let limits: ConnectionLimits
    private let onRefusal: (APIError) -> Void
    /// A connection over the limit: its first request is refused.
    private let isOverLimit: Bool
    private var timer: Scheduled<Void>?
    /// No more parts go in, none of the application's go out.
    private var isClosing = false
    /// Waits for the answers before it.
    private var pendingRefusal: APIError?
    private var isAnswering = false
    private var closesAfterAnswers = false
    /// The request being read is a HEAD: a refusal of it has no body.
    private var readsHeadRequest = false

    init(
        _ state: ConnectionState, limits: ConnectionLimits, isOverLimit: Bool, onRefusal: @escaping (APIError) -> Void
    ) {
        self.state = state
        self.limits = limits
        self.isOverLimit = isOverLimit
        self.onRefusal = onRefusal
    }

    func handlerAdded(context: ChannelHandlerContext) { schedule(context) }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing, pendingRefusal == nil else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            readsHeadRequest = head.method == .head
            if let refusal = refusal(of: head) { return refuse(refusal, context) }
            state.clock.receivedHead(at: ConnectionState.now)
            if head.headerFields[.connection]?.lowercased() == "close" { closesAfterAnswers = true }
        case .body(let buffer):
            guard state.clock.receivedBody(buffer.readableBytes) else { return refuse(.bodyTooLarge, context) }
        case .end:
            readsHeadRequest = false
            state.clock.receivedEnd(at: ConnectionState.now)
        }
        context.fireChannelRead(data)
    }

    /// Without this, bytes that are dropped would stay in the kernel, and closing would reset the connection before the
    /// client has read its refusal.
    func channelReadComplete(context: ChannelHandlerContext) {
        if isClosing { context.read() }
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isClosing else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.kind != .informational:
            isAnswering = true
            // Answered before its body had come: the rest is not read.
            if state.clock.readsBody, state.clock.unansweredCount == 1 { closesAfterAnswers = true }
            if closesAfterAnswers { head.headerFields[.connection] = "close" }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .head, .body:
            context.write(data, promise: promise)
        case .end:
            isAnswering = false
            state.clock.answered(at: ConnectionState.now)
            context.writeAndFlush(data, promise: promise)
            afterAnswer(context)
        }
    }

    /// Also when a body is asked for whose client has not sent it until told to.
    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyWanted else { return context.triggerUserOutboundEvent(event, promise: promise) }
        promise?.succeed()
        // Only when nothing else is being answered: the interim answer would get into the middle of that.
        guard state.clock.readsBody, state.clock.unansweredCount == 1, !isAnswering, !isClosing else { return }
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
    }

    private func afterAnswer(_ context: ChannelHandlerContext) {
        guard state.clock.unansweredCount == 0 else { return }
        if let refusal = pendingRefusal {
            pendingRefusal = nil
            send(refusal, context)
        } else if closesAfterAnswers {
            close(context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            closesAfterAnswers = true
            state.clock.drain()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// What the decoder cannot read is answered here and does not reach the application.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow: refuse(.headersTooLarge, context)
        // The client ended in the middle of its request.
        case HTTPParserError.invalidEOFState: context.close(promise: nil)
        case is HTTPParserError: refuse(.malformedRequest, context)
        case is IOError, is ChannelError: context.fireErrorCaught(error)
        default:
            // Of TLS or of the translation of heads: there may be nobody who could read an answer.
            if state.clock.isIdle { refuse(.malformedRequest, context) } else { context.fireErrorCaught(error) }
        }
    }

    private func refusal(of head: HTTPRequest) -> APIError? {
        if isOverLimit { return .tooManyConnections }
        if (head.path?.utf8.count ?? 0) > limits.targetBytes { return .targetTooLong }
        guard let length = head.headerFields[.contentLength] else { return nil }
        // The decoder lets only digits through: what is no Int is beyond it.
        return (Int(length) ?? .max) > limits.bodyBytes ? .bodyTooLarge : nil
    }

    private func refuse(_ refusal: APIError, _ context: ChannelHandlerContext) {
        guard !isClosing, pendingRefusal == nil else { return }
        onRefusal(refusal)
        let isOfThisRequest = state.clock.readsBody
        // Answered before its body had come: there is nothing more to say.
        if isOfThisRequest, state.clock.unansweredCount == 0 { return close(context) }
        if isAnswering || state.clock.unansweredCount > (isOfThisRequest ? 1 : 0) {
            pendingRefusal = refusal
            // The request that breaks the limit is already with the application, which waits for the rest in vain.
            if isOfThisRequest { close(context) }
        } else {
            send(refusal, context)
        }
    }

    private func send(_ refusal: APIError, _ context: ChannelHandlerContext) {
        let body = ByteBuffer(bytes: refusal.json.line)
        var head = HTTPResponse(status: refusal.status, headerFields: refusal.allHeaders)
        head.headerFields[.contentType] = "application/json"
        head.headerFields[.contentLength] = String(body.readableBytes)
        head.headerFields[.connection] = "close"
        head.headerFields[.requestID] = RequestID.random()
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !readsHeadRequest { context.write(wrapOutboundOut(.body(body)), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        close(context)
    }

    /// Ends our side when all that was written has left, drops what still comes until a while later, then closes.
    private func close(_ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        isClosing = true
        let hasLeft = context.eventLoop.makePromise(of: Void.self)
        // Until then the timer goes on looking whether the client takes it.
        hasLeft.futureResult.assumeIsolated().whenComplete { _ in self.linger(context) }
        context.close(mode: .output, promise: hasLeft)
        context.read()
    }

    private func linger(_ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(limits.lingerSeconds)) {
            context.close(promise: nil)
        }
    }

    private func schedule(_ context: ChannelHandlerContext) {
        let shortest = min(
            limits.headerSeconds, limits.bodyGraceSeconds, limits.bodySeconds, limits.idleSeconds, limits.stallSeconds)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(min(shortest / 4, 1))) {
            self.check(context)
        }
    }

    private func check(_ context: ChannelHandlerContext) {
        let option = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
        let waiting = option ?? 0
        let now = ConnectionState.now
        state.clock.wrote(delivered: state.writtenBytes - waiting, waiting: waiting, at: now)
        let verdict = state.clock.verdict(at: now)
        // While closing, nothing more is asked of a client but to take what is on its way.
        if verdict == .stalled || verdict == .idle && !isClosing { return context.close(promise: nil) }
        schedule(context)
        if verdict == .slowRequest { refuse(.slowRequest, context) }
    }
}

/// Sent down the channel by who is about to read a request's body that was announced with `Expect: 100-continue`.
struct BodyWanted: Sendable {}

extension TimeAmount {
    static func seconds(_ seconds: Double) -> TimeAmount { .nanoseconds(Int64(seconds * 1e9)) }
}
