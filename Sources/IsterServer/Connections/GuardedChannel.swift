import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// An HTTP/1.1 connection held to the limits. HTTP/2 is left to a proxy.
struct GuardedChannel: HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let limits: ConnectionLimits
    let counter: ConnectionCounter
    let onRefusal: @Sendable (APIError) -> Void
    let responder: HTTPChannelHandler.Responder

    struct TooManyConnections: Error {}

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let address = channel.remoteAddress?.ipAddress ?? ""
        let admission = counter.admit(address)
        if admission == .drop {
            channel.close(promise: nil)
            return channel.eventLoop.makeFailedFuture(TooManyConnections())
        }
        channel.closeFuture.whenComplete { _ in counter.leave(address, admission) }
        return channel.eventLoop.makeCompletedFuture {
            try addHandlers(channel.pipeline.syncOperations, isOverLimit: admission == .refuse)
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    private func addHandlers(_ pipeline: ChannelPipeline.SynchronousOperations, isOverLimit: Bool) throws {
        let state = ConnectionState(limits: limits)
        // Both before TLS, if there is any: the socket's own events and bytes.
        try pipeline.addHandler(WrittenBytesHandler(state), position: .first)
        try pipeline.addHandler(ClientWatch(), position: .first)
        try pipeline.addHandler(WireHandler(state))
        var decoding = NIOHTTPDecoderLimitConfiguration()
        decoding.maxHeaderFieldSize = limits.headerBytes
        decoding.maxHeaderListSize = limits.headerBytes
        decoding.maxHeaderFieldCount = limits.headerFieldCount
        // Requests are taken one after the other by the loop that answers them, and errors are answered below.
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
            withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoding)
        try pipeline.addHandler(VersionHandler())
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try pipeline.addHandler(
            RequestHandler(state, limits: limits, isOverLimit: isOverLimit, onRefusal: onRefusal))
    }

    func handle(value: Value, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
    }
}
