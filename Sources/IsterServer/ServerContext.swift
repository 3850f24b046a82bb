public import Hummingbird
import Logging
public import NIOCore

/// What each request carries through the middlewares to its route.
public struct ServerContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// Who asks; set by the key check before a route runs.
    public var client = ClientIdentity.anonymous
    /// The connection.
    public let channel: any Channel

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// Whose request it is, for fairness, limits, cached prefixes and logs.
public struct ClientIdentity: Sendable, Equatable {
    /// The name of its key in the key file; empty when the server runs without keys.
    public var name: String
    /// Requests share cached prefixes only within one partition.
    public var cachePartition: String

    public init(name: String, cachePartition: String) {
        self.name = name
        self.cachePartition = cachePartition
    }

    public static let anonymous = Self(name: "", cachePartition: "")
}
