import HTTPTypes
import Hummingbird
import NIOCore

extension ResponseBody {
    /// The same, written no faster than the connection takes it. A channel tells that it has no room only once its
    /// event loop has come around: until then it takes whatever is written to it.
    func paced(by loop: any EventLoop) -> ResponseBody {
        if let contentLength, contentLength <= APILimits.pieceBytes { return self }
        let body = self
        return ResponseBody(contentLength: contentLength) { writer in
            try await body.write(PacedWriter(base: writer, loop: loop))
        }
    }
}

private struct PacedWriter: ResponseBodyWriter {
    /// Up to this size, parts do not wait: those of streams come no faster than the model writes.
    static let smallBytes = 16 << 10

    var base: any ResponseBodyWriter
    let loop: any EventLoop

    mutating func write(_ buffer: ByteBuffer) async throws {
        let isSmall = buffer.readableBytes <= Self.smallBytes
        try await base.write(buffer)
        if !isSmall { try await loop.submit {}.get() }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws { try await base.finish(trailingHeaders) }
}
