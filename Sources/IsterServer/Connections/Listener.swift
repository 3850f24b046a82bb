import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Where the server listens.
public enum ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// port 0: any free one.
    case host(String, port: Int)
    /// A listening socket that another process opened and handed over.
    case inherited(descriptor: Int32)

    public var description: String {
        switch self {
        case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .inherited(let descriptor): "descriptor \(descriptor)"
        }
    }
}

/// Accepts connections until it is closed, then waits for those that are open.
final class Listener: Sendable {
    private struct State {
        var server: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        var isDraining = false
    }

    private let state = Mutex(State())
    private let limits: ConnectionLimits
    private let group: any EventLoopGroup
    private let logger: Logger

    init(limits: ConnectionLimits, group: any EventLoopGroup, logger: Logger) {
        self.limits = limits
        self.group = group
        self.logger = logger
    }

    /// Runs until `drain` was called and all connections are closed.
    func run<Child: ServerChildChannel>(
        _ child: Child, on address: ListenAddress, onListening: @Sendable (ListenAddress) async -> Void
    ) async throws {
        let server = try await bind(child, address)
        let isDraining = state.withLock { state in
            state.server = server.channel
            return state.isDraining
        }
        if isDraining { server.channel.close(promise: nil) }
        let local = server.channel.localAddress
        if let host = local?.ipAddress, let port = local?.port {
            await onListening(.host(host, port: port))
        } else {
            await onListening(address)
        }
        try await withThrowingDiscardingTaskGroup { group in
            try await server.executeThenClose { connections in
                for try await connection in connections {
                    group.addTask { await self.serve(connection, by: child) }
                }
            }
        }
    }

    private func serve<Child: ServerChildChannel>(_ connection: Child.Value, by child: Child) async {
        let key = ObjectIdentifier(connection.channel)
        let isDraining = state.withLock { state in
            state.connections[key] = connection.channel
            return state.isDraining
        }
        if isDraining { quiesce(connection.channel) }
        await child.handle(value: connection, logger: logger)
        _ = state.withLock { $0.connections.removeValue(forKey: key) }
    }

    /// Closes the listening socket and idle connections; the others close after their answer.
    func drain() {
        let (server, connections) = state.withLock { state in
            state.isDraining = true
            return (state.server, Array(state.connections.values))
        }
        server?.close(promise: nil)
        for connection in connections { quiesce(connection) }
    }

    /// Closes what is still open.
    func closeConnections() {
        for connection in state.withLock({ Array($0.connections.values) }) { connection.close(promise: nil) }
    }

    private func quiesce(_ connection: any Channel) {
        connection.eventLoop.execute { connection.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    }

    private func bind<Child: ServerChildChannel>(
        _ child: Child, _ address: ListenAddress
    ) async throws -> NIOAsyncChannel<Child.Value, Never> {
        let logger = logger
        let setup: @Sendable (any Channel) -> EventLoopFuture<Child.Value> = { channel in
            child.setup(channel: channel, logger: logger)
        }
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(clamping: limits.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.socketOption(.so_sndbuf), value: SocketOptionValue(limits.sendBufferBytes))
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        switch address {
        case .host(let host, let port):
            return try await bootstrap.bind(host: host, port: port, childChannelInitializer: setup)
        case .inherited(let descriptor):
            return try await bootstrap.bind(descriptor, childChannelInitializer: setup)
        }
    }
}
