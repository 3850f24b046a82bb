/// What one client may cost before it is turned away. The defaults suit a service on a network; tests shorten them.
public struct ConnectionLimits: Sendable, Equatable {
    /// Open connections of all clients, and of one address.
    public var connectionCount = 512
    public var perAddressCount = 64
    /// Connections that the kernel holds until they are accepted.
    public var backlog = 256
    /// Names and values of all header fields together with the request's target.
    public var headerBytes = 32 << 10
    public var headerFieldCount = 100
    /// The request's target: path and query.
    public var targetBytes = 4 << 10
    /// From a request's first byte to the end of its headers.
    public var headerSeconds = 10.0
    public var bodyBytes = 8 << 20
    /// From the end of the headers to the end of the body.
    public var bodySeconds = 60.0
    /// After these seconds a body must have come at `bodyBytesPerSecond` on average.
    public var bodyGraceSeconds = 10.0
    public var bodyBytesPerSecond = 1024.0
    /// Between an answer and the next request.
    public var idleSeconds = 30.0
    /// While the client takes none of the bytes that wait for it.
    public var stallSeconds = 30.0
    /// How long bytes are still read and dropped after a refusal, so that the client gets to read it.
    public var lingerSeconds = 2.0
    /// Bytes of answers that the kernel holds for one client.
    public var sendBufferBytes: Int32 = 128 << 10

    public init() {}
}
