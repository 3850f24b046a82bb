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

    /// The name or the number that it is bound to; nil for a path and where that is not known.
    public var boundHost: String? {
        switch self {
        case .host(let host, _): host
        case .inherited(let descriptor):
            if case .address(let text)? = InheritedSocket.place(descriptor) { text } else { nil }
        }
    }

    /// Only processes of this machine reach it. False where that is not known.
    public var isLocal: Bool {
        if case .inherited(let descriptor) = self, InheritedSocket.place(descriptor) == .path { return true }
        guard let host = boundHost else { return false }
        return host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
}

/// Accepts connections until it is closed, then waits for those that are open.
///
/// Each connection is handed to its own task where it is made. Were they handed out through a sequence, as NIO offers,
/// a connection that comes while the listening socket is being closed would be dropped unserved, which NIO answers by
/// ending the process.
final class Listener: Sendable {
    private struct State {
        var server: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        /// Connections that have not ended, those that are being set up included.
        var openCount = 0
        var isDraining = false
        /// Waits for the last connection.
        var end: CheckedContinuation<Void, Never>?
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
        let server = try await bind(child, address).get()
        let isDraining = state.withLock { state in
            state.server = server
            return state.isDraining
        }
        if isDraining { server.close(promise: nil) }
        if let host = server.localAddress?.ipAddress, let port = server.localAddress?.port {
            await onListening(.host(host, port: port))
        } else {
            await onListening(address)
        }
        await withTaskCancellationHandler {
            try? await server.closeFuture.get()
            await waitForConnections()
        } onCancel: {
            drain()
            closeConnections()
        }
    }

    private func waitForConnections() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.openCount > 0 { state.end = continuation }
                return state.openCount == 0
            }
            if isOver { continuation.resume() }
        }
    }

    /// On the event loop of a new connection.
    private func setUp<Child: ServerChildChannel>(_ channel: any Channel, _ child: Child) -> EventLoopFuture<Void> {
        let isDraining = state.withLock { state in
            state.openCount += 1
            state.connections[ObjectIdentifier(channel)] = channel
            return state.isDraining
        }
        return child.setup(channel: channel, logger: logger).map { connection in
            Task {
                await child.handle(value: connection, logger: self.logger)
                self.ended(channel)
            }
            if isDraining { self.quiesce(channel) }
        }.flatMapErrorThrowing { error in
            self.ended(channel)
            throw error
        }
    }

    private func ended(_ channel: any Channel) {
        let end = state.withLock { state in
            state.connections[ObjectIdentifier(channel)] = nil
            state.openCount -= 1
            guard state.openCount == 0 else { return CheckedContinuation<Void, Never>?.none }
            defer { state.end = nil }
            return state.end
        }
        end?.resume()
    }

    /// Closes the listening socket; idle connections are closed soon, the others after their answer.
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
    ) -> EventLoopFuture<any Channel> {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(clamping: limits.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Without descriptors left it waits for a second instead of trying again at once.
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptBackoffHandler(shouldForwardIOErrorCaught: false))
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.socketOption(.so_sndbuf), value: SocketOptionValue(limits.sendBufferBytes))
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in self.setUp(channel, child) }
        return switch address {
        case .host(let host, let port): bootstrap.bind(host: host, port: port)
        case .inherited(let descriptor): bootstrap.withBoundSocket(descriptor)
        }
    }
}
